//! `crossdock cat`.

use std::io::Read as _;
use std::path::Path;

use crossdock_build::{BrowseError, OpenedImage};

use crate::arguments::Cat;
use crate::failure::Failure;
use crate::image::image_and_path;
use crate::out::Out;

/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;

pub(crate) fn run(root: Option<&Path>, arguments: &Cat) -> Result<(), Failure> {
    let given = arguments.paths.first().map(String::as_str);
    let (image, first) = image_and_path(&arguments.image, given);
    let Some(first) = first else {
        return Err(Failure::input(format!(
            "{image}: no file is named; write crossdock cat {image} PATH"
        )));
    };
    let more = arguments.paths.iter().skip(1).map(String::as_str);
    let paths: Vec<&str> = std::iter::once(first).chain(more).collect();
    arguments.options.with_image(root, image, |image| {
        let mut out = Out::new();
        for path in &paths {
            print(image, path, &mut out)?;
        }
        out.finish()
    })
}

fn print(image: &OpenedImage<'_>, path: &str, out: &mut Out) -> Result<(), Failure> {
    let content = image.file(path.as_bytes()).map_err(Failure::browse)?;
    let failed = |source| {
        Failure::browse(BrowseError::Content {
            image: image.name().to_owned(),
            path: path.to_owned(),
            source,
        })
    };
    let mut reader = image.content(&content).map_err(failed)?;
    let mut buffer = vec![0; BUFFER.min(content.size() as usize + 1)];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => out.bytes(&buffer[..length])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
