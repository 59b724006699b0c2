//! `-o`: where images go, and in which form, as docker's command line writes it.

use std::path::PathBuf;

use crossdock_build::{
    Annotation, Codec, Compression, Output, OutputKind, OutputOptions, Reference, Target,
};
use crossdock_dockerfile::csv_fields;

use crate::failure::Failure;

/// What the command line says of outputs.
pub(super) struct Wanted<'a> {
    /// Each `-o`.
    pub(super) outputs: &'a [String],
    /// `--push`.
    pub(super) push: bool,
    /// Whether `-t` gives names.
    pub(super) has_names: bool,
    /// Whether a person would see what is written to standard output.
    pub(super) to_terminal: bool,
}

/// Where the image goes; the store if nothing is said.
pub(super) fn outputs(wanted: &Wanted<'_>) -> Result<Vec<Output>, Failure> {
    let written = wanted.outputs.iter();
    // docker passes over `-o ""`.
    let parsed = written.filter(|text| !text.is_empty()).map(|text| {
        let parsed = parse_output(text);
        parsed.map_err(|reason| Failure::input(format!("-o {text}: {reason}")))
    });
    let mut outputs = parsed.collect::<Result<Vec<_>, Failure>>()?;
    let pushes = |output: &Output| {
        let push = OutputKind::Image { push: true };
        output.kind == OutputKind::Registry || output.kind == push
    };
    if wanted.push && !outputs.iter().any(pushes) {
        outputs.push(OutputKind::Registry.into());
    }
    let is_nameless = |output: &Output| pushes(output) && output.options.names.is_empty();
    if !wanted.has_names && outputs.iter().any(is_nameless) {
        return Err(Failure::input(
            "pushing needs a name that says where to; add -t HOST/NAME:TAG",
        ));
    }
    if outputs.is_empty() {
        outputs.push(OutputKind::Image { push: false }.into());
    }
    let to_stdout = outputs.iter().filter(|output| output.kind.is_stdout());
    match to_stdout.count() {
        0 => {}
        1 if wanted.to_terminal => {
            return Err(Failure::input(
                "a terminal can show no archive; redirect standard output to a file or a program, \
                 or write dest=FILE",
            ));
        }
        1 => {}
        _ => {
            return Err(Failure::input(
                "two outputs go to standard output, which takes one; write dest=FILE in the others",
            ));
        }
    }
    Ok(outputs)
}

/// The attributes of an output while they are read.
#[derive(Default)]
struct Attributes {
    kind: Option<String>,
    destination: Option<String>,
    push: Option<bool>,
    /// Whether `type=oci` is one file.
    tar: Option<bool>,
    compression: Option<Compression>,
    level: Option<i64>,
    options: OutputOptions,
    /// Those that say something about images, as they were written, and those about files.
    of_images: Vec<String>,
    of_files: Vec<String>,
}

/// Reads the value of `-o`: a folder, `-` for a tar on standard output, or attributes with commas
/// between them, of which one that holds a comma stands in quotes (buildx,
/// util/buildflags/export.go).
fn parse_output(text: &str) -> Result<Output, String> {
    let fields = csv_fields(text).map_err(str::to_owned)?;
    if let [only] = &fields[..]
        && only == text
        && !is_attribute(only)
    {
        return Ok(match text {
            "-" => OutputKind::Tar(Target::Stdout).into(),
            folder => OutputKind::Local(folder.into()).into(),
        });
    }
    let mut attributes = Attributes::default();
    for field in &fields {
        let Some((name, value)) = field.split_once('=') else {
            return Err(format!(
                "{field:?} is not understood; attributes are written NAME=VALUE, as in \
                 type=oci,dest=FILE"
            ));
        };
        attributes.take(name.trim(), value)?;
    }
    attributes.finish()
}

/// Whether a value of one field is an attribute and no folder.
fn is_attribute(text: &str) -> bool {
    // `dir=x` may be a folder; what begins like this is hardly one.
    let lower = text.to_ascii_lowercase();
    lower.starts_with("type=") || lower.starts_with("dest=")
}

impl Attributes {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let lower = name.to_ascii_lowercase();
        let about_images = match lower.as_str() {
            "type" => {
                self.kind = Some(value.to_owned());
                return Ok(());
            }
            "dest" => {
                self.destination = Some(value.to_owned()).filter(|value| !value.is_empty());
                return Ok(());
            }
            "name" => {
                let names = value.split(',').filter(|name| !name.is_empty());
                for name in names {
                    self.options.names.push(parse_name(name)?);
                }
                true
            }
            "push" => {
                self.push = Some(parse_bool(name, value)?);
                true
            }
            "tar" => {
                self.tar = Some(parse_bool(name, value)?);
                true
            }
            "compression" => {
                self.compression = Some(parse_compression(value)?);
                true
            }
            "compression-level" => {
                let level = value.parse();
                let level = level.map_err(|_| format!("{name}={value}: is not a whole number"))?;
                self.level = Some(level);
                true
            }
            "force-compression" => {
                self.options.force_compression = parse_bool(name, value)?;
                true
            }
            "oci-mediatypes" => {
                self.options.docker_media_types = !parse_bool(name, value)?;
                true
            }
            "rewrite-timestamp" => {
                self.options.rewrite_timestamp = parse_bool(name, value)?;
                true
            }
            "platform-split" => {
                self.options.platform_split = Some(parse_bool(name, value)?);
                false
            }
            _ => match Annotation::parse_attribute(name, value) {
                Some(Ok(annotation)) => {
                    self.options.annotations.push(annotation);
                    true
                }
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err(unknown(name)),
            },
        };
        match about_images {
            true => self.of_images.push(name.to_owned()),
            false => self.of_files.push(name.to_owned()),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Output, String> {
        let kind = self
            .kind
            .take()
            .ok_or_else(|| format!("type= is missing; {TYPES}"))?;
        let kind = self.kind_of(&kind)?;
        let misplaced = match kind.is_image() {
            true => self.of_files.first().map(|name| (name, "local and tar")),
            false => self.of_images.first().map(|name| (name, "images")),
        };
        if let Some((name, whose)) = misplaced {
            let kind = kind.name();
            return Err(format!(
                "{name}= is for {whose}; type={kind} has no such attribute"
            ));
        }
        let is_pushed = |name: &&String| name.eq_ignore_ascii_case("push");
        let has_push = matches!(kind, OutputKind::Image { .. } | OutputKind::Registry);
        if let (Some(name), false) = (self.of_images.iter().find(is_pushed), has_push) {
            let kind = kind.name();
            return Err(format!(
                "{name}= belongs to type=image; type={kind} is not pushed"
            ));
        }
        self.options.compression = self.codec()?;
        let options = self.options;
        Ok(Output { kind, options })
    }

    fn kind_of(&mut self, kind: &str) -> Result<OutputKind, String> {
        if let (Some(_), false) = (self.tar, matches!(kind, "oci" | "docker")) {
            return Err(format!(
                "tar= belongs to type=oci; type={kind} has no such attribute"
            ));
        }
        let destination = self.destination.take();
        let place = |example: &str| {
            let missing = format!("dest= is missing; write {example}");
            destination.clone().ok_or(missing)
        };
        Ok(match kind {
            "image" | "registry" => {
                if destination.is_some() {
                    return Err(format!("type={kind} has no dest=; use name= or -t"));
                }
                match (kind, self.push) {
                    ("image", push) => OutputKind::Image {
                        push: push.unwrap_or(false),
                    },
                    (_, Some(false)) => {
                        return Err(
                            "type=registry with push=false does nothing; write type=image \
                                    for the store"
                                .to_owned(),
                        );
                    }
                    _ => OutputKind::Registry,
                }
            }
            "oci-layout" => OutputKind::Layout(place("dest=DIR")?.into()),
            "oci" if self.tar == Some(false) => OutputKind::Layout(place("dest=DIR")?.into()),
            "oci" => OutputKind::OciArchive(target(place("dest=FILE, or dest=- for a pipe")?)),
            "docker" if self.tar == Some(false) => {
                return Err("tar=false belongs to type=oci: docker loads archives alone".to_owned());
            }
            "docker" => match destination {
                Some(place) => OutputKind::DockerArchive(target(place)),
                None => {
                    return Err(
                        "dest= is missing: there is no docker that loads the image by \
                                itself; pipe it: -o type=docker,dest=- … | docker load"
                            .to_owned(),
                    );
                }
            },
            "local" => OutputKind::Local(place("dest=DIR")?.into()),
            "tar" => OutputKind::Tar(target(place("dest=FILE, or dest=- for a pipe")?)),
            "cacheonly" => {
                return Err(
                    "type=cacheonly has no use here: every build keeps its results; write \
                     type=image"
                        .to_owned(),
                );
            }
            other => return Err(format!("there is no type {other:?}; {TYPES}")),
        })
    }

    /// The compression that is asked for. A level alone is gzip's, as in BuildKit.
    fn codec(&self) -> Result<Option<Codec>, String> {
        match (self.compression, self.level) {
            (None, None) => Ok(None),
            (compression, None) => Ok(compression.map(Codec::new)),
            (compression, Some(level)) => {
                let compression = compression.unwrap_or(Compression::Gzip);
                let codec = Codec::with_level(compression, level);
                codec.map(Some).map_err(|error| error.to_string())
            }
        }
    }
}

const TYPES: &str = "the types are image, registry, oci, oci-layout, docker, local and tar";

fn target(destination: String) -> Target {
    match destination.as_str() {
        "-" => Target::Stdout,
        _ => Target::File(PathBuf::from(destination)),
    }
}

fn unknown(name: &str) -> String {
    /// Attributes of BuildKit's outputs that mean nothing here, or are not there yet.
    const OF_BUILDKIT: [&str; 14] = [
        "attestation-inline",
        "attestation-prefix",
        "danging-name-empty-only",
        "dangling-name-prefix",
        "mode",
        "name-canonical",
        "oci-artifact",
        "prefer-nondist-layers",
        "push-by-digest",
        "registry.insecure",
        "source-date-epoch",
        "store",
        "unpack",
        "buildinfo",
    ];
    const KNOWN: &str = "the attributes are type, dest, name, push, compression, \
                         compression-level, force-compression, oci-mediatypes, \
                         rewrite-timestamp, annotation.NAME, tar and platform-split";
    match name.to_ascii_lowercase().as_str() {
        "source-date-epoch" => {
            "source-date-epoch= is not supported; set SOURCE_DATE_EPOCH for the whole build"
                .to_owned()
        }
        "registry.insecure" => {
            "registry.insecure= is not supported; use --insecure-registry".to_owned()
        }
        lower if OF_BUILDKIT.contains(&lower) => {
            format!("{name}= is BuildKit's and not supported here; leave it out")
        }
        _ => format!("there is no attribute {name:?}; {KNOWN}"),
    }
}

fn parse_compression(value: &str) -> Result<Compression, String> {
    match value {
        "uncompressed" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        "estargz" => Err(
            "compression=estargz is not supported; use gzip or zstd, which every runtime reads"
                .to_owned(),
        ),
        other => Err(format!(
            "there is no compression {other:?}; write gzip, zstd or uncompressed"
        )),
    }
}

/// A truth value as Go's `strconv.ParseBool` reads it; without text it is true.
fn parse_bool(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("{name}={value}: is neither true nor false")),
    }
}

/// A name that an image is given: a reference without a digest.
fn parse_name(text: &str) -> Result<Reference, String> {
    let name: Reference = text
        .parse()
        .map_err(|error| format!("name={text}: {error}"))?;
    match name.digest() {
        None => Ok(name),
        Some(_) => Err(format!(
            "name={text}: a name has no digest; write it like app, app:1.0 or host/app:1.0"
        )),
    }
}

#[cfg(test)]
mod tests;
