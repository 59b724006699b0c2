//! `crossdock cp`.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::Path;

use crossdock_build::{
    CopiedOut, CopyOut, CopyOutError, CopyOutOptions, CopySource, ErrorClass, Images, OpenedImage,
    split_image_path,
};

use super::refuse_device;
use crate::arguments::Cp;
use crate::failure::Failure;
use crate::image::image_source;
use crate::progress::{list_losses, print, size, visible};

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

pub(crate) fn run(root: Option<&Path>, arguments: &Cp) -> Result<(), Failure> {
    refuse_device("", &arguments.destination)?;
    let is_tar = arguments.destination.as_os_str() == "-";
    if is_tar && io::stdout().is_terminal() {
        return Err(Failure::input(
            "a tar is not for a terminal; redirect or pipe it, as in crossdock cp IMAGE:PATH - | tar \
             tf -",
        ));
    }
    if let Some(image) = image_of(&arguments.destination) {
        return Err(Failure::input(format!(
            "{}: cp does not change images; COPY in a Dockerfile does: FROM {image}, COPY …, and \
             crossdock build -t NAME. If this is a file of this machine, write ./ before it",
            arguments.destination.display()
        )));
    }
    let sources = arguments.sources.iter().map(|text| divided(text));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let choice = arguments.options.choice()?;
    arguments.options.with_images(root, |images| {
        let mut opened: Vec<(&str, OpenedImage<'_>)> = Vec::new();
        for (name, _) in &sources {
            if !opened.iter().any(|(other, _)| other == name) {
                let image = images.open(&image_source(name)?, &choice);
                opened.push((name, image.map_err(Failure::browse)?));
            }
        }
        let sources: Vec<CopySource<'_>> = sources
            .iter()
            .filter_map(|(name, path)| {
                let (_, image) = opened.iter().find(|(other, _)| other == name)?;
                Some(CopySource { image, path })
            })
            .collect();
        copy(images, &sources, is_tar, arguments)
    })
}

fn copy(
    images: &Images<'_>,
    sources: &[CopySource<'_>],
    is_tar: bool,
    arguments: &Cp,
) -> Result<(), Failure> {
    let options = CopyOutOptions {
        follow: arguments.follow_link,
        collision: arguments.on_collision.into(),
    };
    let foreign = arguments.foreign_metadata.into();
    if is_tar {
        let copy = images
            .copy_to_tar(sources, foreign, &options)
            .map_err(Failure::copy)?;
        refuse(arguments, copy.losses().len(), &copy)?;
        let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        let copied = copy.write_tar(&mut out).map_err(Failure::copy)?;
        out.flush().map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
            _ => Failure::system(format!("standard output: {error}")),
        })?;
        return tell(arguments, &copy, &copied);
    }
    let (copy, placing) = images
        .copy_to_folder(sources, &arguments.destination, foreign, &options)
        .map_err(Failure::copy)?;
    refuse(arguments, copy.losses().len(), &copy)?;
    let written = copy.write_folder(&placing, arguments.archive);
    let copied = written.map_err(Failure::copy)?;
    if !arguments.quiet {
        let place = visible(&arguments.destination.display().to_string());
        let bytes = size(copied.bytes);
        print(&format!("Successfully copied {bytes} to {place}\n"));
    }
    tell(arguments, &copy, &copied)
}

/// Under `--strict` nothing is written of what cannot be written whole.
fn refuse(arguments: &Cp, losses: usize, copy: &CopyOut<'_>) -> Result<(), Failure> {
    if !arguments.strict || losses == 0 {
        return Ok(());
    }
    print(&list_losses(copy.losses(), 0));
    Err(lost(losses))
}

/// Tells what the user should know, and what was not kept.
fn tell(arguments: &Cp, copy: &CopyOut<'_>, copied: &CopiedOut) -> Result<(), Failure> {
    for note in copy.notes() {
        print(&format!("warning: {}\n", visible(note)));
    }
    for line in &copied.left_out {
        print(&format!("not kept: {}\n", visible(&line.text)));
    }
    print(&list_losses(copy.losses(), 0));
    let count = copied.left_out.iter().filter(|line| !line.is_usual).count();
    match arguments.strict && count > 0 {
        true => Err(lost(count)),
        false => Ok(()),
    }
}

fn lost(count: usize) -> Failure {
    let things = match count {
        1 => "1 thing cannot",
        count => &format!("{count} things cannot"),
    };
    let text = format!("{things} be kept, and --strict was given; they are listed above");
    Failure::of(&text, ErrorClass::Strict)
}

/// The image and the path that an argument names.
fn divided(text: &str) -> Result<(&str, &str), Failure> {
    match split_image_path(text) {
        _ if is_host_path(text) && !is_image_with_path(text) => Err(Failure::input(format!(
            "{text}: cp copies out of images, and this is a path of this machine; write IMAGE:PATH. \
             To bring files into an image use COPY in a Dockerfile"
        ))),
        Some((image, path)) if !image.is_empty() && !path.is_empty() => Ok((image, path)),
        _ => Err(Failure::input(format!(
            "{text}: no path is named; write IMAGE:PATH, as in {}:/etc/os-release",
            text.trim_end_matches(':')
        ))),
    }
}

/// The image that a destination names, if it is written as one.
fn image_of(destination: &Path) -> Option<&str> {
    let text = destination.to_str()?;
    let (image, path) = split_image_path(text)?;
    let is_image = !image.is_empty() && !path.is_empty() && !is_host_path(text);
    is_image.then_some(image)
}

/// Whether it begins as paths of this machine do.
fn is_host_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.starts_with(['/', '\\', '.'])
        || bytes.first().is_some_and(u8::is_ascii_alphabetic)
            && bytes.get(1) == Some(&b':')
            && matches!(bytes.get(2), Some(b'/' | b'\\'))
}

/// Whether a layout or an archive of this machine is followed by a path in it.
fn is_image_with_path(text: &str) -> bool {
    split_image_path(text)
        .is_some_and(|(_, path)| path.starts_with(['/', '\\']) || is_host_path(path))
}

impl Failure {
    /// Files that cannot be copied out.
    fn copy(error: CopyOutError) -> Self {
        match error.is_broken_pipe() {
            true => Self::nobody_reads(),
            false => Self::of(&error, error.class()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let check = |text: &str, expected: Result<(&str, &str), &str>| match expected {
            Ok(expected) => assert_eq!(divided(text).unwrap(), expected, "{text}"),
            Err(expected) => {
                let failure = divided(text).unwrap_err();
                assert!(failure.text().contains(expected), "{}", failure.text());
            }
        };
        check("debian:12:/etc", Ok(("debian:12", "/etc")));
        check("debian:etc/passwd", Ok(("debian", "etc/passwd")));
        check("win:C:\\x", Ok(("win", "C:\\x")));
        check("./a.tar:/x", Ok(("./a.tar", "/x")));
        check("C:\\a.tar:C:\\x", Ok(("C:\\a.tar", "C:\\x")));
        check("oci-layout:///d:t:/x", Ok(("oci-layout:///d:t", "/x")));
        check("debian", Err("write IMAGE:PATH, as in debian:/etc"));
        check("debian:", Err("no path is named"));
        check("./file", Err("a path of this machine"));
        check("C:\\file", Err("a path of this machine"));
    }

    #[test]
    fn destinations() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(image_of(Path::new(text)), expected, "{text}");
        };
        check("debian:12:/etc", Some("debian:12"));
        check("debian:/etc", Some("debian"));
        check("oci-layout://out:/etc", Some("oci-layout://out"));
        check("./debian:/etc", None);
        check("/a:b", None);
        check("C:\\x", None);
        check("C:/x", None);
        check("folder", None);
        check("-", None);
    }
}
