//! Files that tell scripts what was made: `--iidfile`, `--metadata-file`.

use std::io;
use std::path::Path;

use crossdock_build::{Built, ComposedImage, Descriptor, Output, OutputKind, Platform};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::arguments::Build;
use crate::commands::refuse_device;
use crate::failure::Failure;
use crate::progress::Warning;

/// The variable that asks for warnings in the metadata, as buildx has it.
const WARNINGS: &str = "BUILDX_METADATA_WARNINGS";

/// What the file of `--metadata-file` holds. The names are buildx's, in the order of Go's maps; what
/// buildx does not have begins with our own name.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(
        rename = "buildx.build.warnings",
        skip_serializing_if = "Option::is_none"
    )]
    warnings: Option<&'a [Warning]>,
    #[serde(flatten)]
    image: Option<Image<'a>>,
    #[serde(rename = "crossdock.images", skip_serializing_if = "Vec::is_empty")]
    images: Vec<OneOfSeveral<'a>>,
    #[serde(rename = "image.name", skip_serializing_if = "String::is_empty")]
    name: String,
}

#[derive(Serialize)]
struct Image<'a> {
    #[serde(
        rename = "containerimage.config.digest",
        skip_serializing_if = "Option::is_none"
    )]
    config: Option<String>,
    #[serde(rename = "containerimage.descriptor")]
    descriptor: &'a Descriptor,
    #[serde(rename = "containerimage.digest")]
    digest: String,
}

/// An image of an index.
#[derive(Serialize)]
struct OneOfSeveral<'a> {
    #[serde(flatten)]
    image: Image<'a>,
    platform: &'a Platform,
}

/// The metadata of a Dockerfile that was looked at.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(rename = "result.json")]
    result: &'a RawValue,
}

/// Refuses files that would tell of an image that there will not be, and takes away the id of an
/// earlier build: what stands there is of this one.
pub(super) fn prepare(arguments: &Build, outputs: &[Output]) -> Result<(), Failure> {
    if let Some(path) = &arguments.metadata_file {
        refuse_device("--metadata-file ", path)?;
    }
    for output in outputs {
        if let Some(path) = output.kind.path() {
            refuse_device("-o ", path)?;
        }
    }
    let Some(path) = &arguments.id_file else {
        return Ok(());
    };
    refuse_device("--iidfile ", path)?;
    if arguments.call().is_some() {
        return Err(Failure::input(
            "--iidfile: --call and --check make no image; leave one of them out",
        ));
    }
    if outputs.iter().any(is_of_files) {
        return Err(Failure::input(
            "--iidfile: type=local and type=tar are of files and have no image; leave one of them \
             out",
        ));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("--iidfile", path, &error))
        }
        _ => Ok(()),
    }
}

/// Whether warnings are to be in the metadata.
pub(super) fn wants_warnings() -> bool {
    let value = std::env::var(WARNINGS).unwrap_or_default();
    matches!(&*value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

/// Writes the files about what was built. `warnings` are those of the Dockerfile.
pub(super) fn write(
    arguments: &Build,
    outputs: &[Output],
    built: &Built,
    warnings: &[Warning],
) -> Result<(), Failure> {
    if let Some(path) = &arguments.id_file {
        // As docker and buildx: scripts know an image by its config.
        let id = match &built.images[..] {
            [only] => only.config.digest,
            _ => built.descriptor.digest,
        };
        put("--iidfile", path, id.to_string().as_bytes())?;
    }
    if let Some(path) = &arguments.metadata_file {
        let metadata = metadata(&arguments.tags, outputs, built, warnings);
        put("--metadata-file", path, json(&metadata).as_bytes())?;
    }
    Ok(())
}

/// Writes the metadata of a Dockerfile that was looked at; `answer` is JSON.
pub(super) fn write_answer(arguments: &Build, answer: &str) -> Result<(), Failure> {
    let Some(path) = &arguments.metadata_file else {
        return Ok(());
    };
    let result = serde_json::from_str(answer).map_err(Failure::system)?;
    put("--metadata-file", path, json(&Answer { result }).as_bytes())
}

fn metadata<'a>(
    tags: &[String],
    outputs: &[Output],
    built: &'a Built,
    warnings: &'a [Warning],
) -> Metadata<'a> {
    let of = |image: &'a ComposedImage| Image {
        config: Some(image.config.digest.to_string()),
        descriptor: &image.manifest,
        digest: image.manifest.digest.to_string(),
    };
    let (top, images) = match &built.images[..] {
        [only] => (of(only), Vec::new()),
        several => {
            let top = Image {
                config: None,
                descriptor: &built.descriptor,
                digest: built.descriptor.digest.to_string(),
            };
            let images = several.iter().map(|image| OneOfSeveral {
                image: of(image),
                platform: &image.platform,
            });
            (top, images.collect())
        }
    };
    let is_image = !outputs.iter().all(is_of_files);
    let mut names = tags.to_vec();
    for name in outputs.iter().flat_map(|output| &output.options.names) {
        let name = name.familiar();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Metadata {
        warnings: Some(warnings).filter(|warnings| !warnings.is_empty()),
        image: Some(top).filter(|_| is_image),
        images: if is_image { images } else { Vec::new() },
        name: names.join(","),
    }
}

fn is_of_files(output: &Output) -> bool {
    matches!(output.kind, OutputKind::Local(_) | OutputKind::Tar(_))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("texts and numbers are JSON")
}

/// Writes a file that is there whole or not at all.
fn put(flag: &str, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    crossdock_host::atomic_write(path, bytes).map_err(|error| failed(flag, path, &error))
}

fn failed(flag: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::system(format!("{flag} {}: {error}", path.display()))
}
