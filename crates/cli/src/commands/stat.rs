//! `crossdock stat`.

mod describe;
mod descriptor;
mod fields;
mod json;
mod page;

use std::path::Path;

use crossdock_build::{
    BrowseError, Content, Digest, Kind, OpenedImage, PathChange, PathStat, PathStep,
};

pub(super) use self::fields::{field_name, fields_text};
use crate::arguments::Stat;
use crate::failure::Failure;
use crate::image::image_and_path;
use crate::out::{Format, Out};
use crate::progress::print;

pub(crate) fn run(root: Option<&Path>, arguments: &Stat) -> Result<(), Failure> {
    let given = arguments.paths.first().map(String::as_str);
    let (image, first) = image_and_path(&arguments.image, given);
    let Some(first) = first else {
        return Err(Failure::input(format!(
            "{image}: no path is named; write crossdock stat {image} PATH"
        )));
    };
    let more = arguments.paths.iter().skip(1).map(String::as_str);
    let paths: Vec<&str> = std::iter::once(first).chain(more).collect();
    arguments.options.with_image(root, image, |image| {
        let stats = image.stat(&paths, arguments.dereference);
        let stats = stats.map_err(Failure::browse)?;
        let mut out = Out::new();
        let mut missing = Vec::new();
        for (place, stat) in stats.iter().enumerate() {
            let digest = match arguments.digest {
                true => content_digest(image, stat)?,
                false => None,
            };
            if let Err(error) = &stat.found {
                missing.push(format!("{}: {error}{}", image.name(), removed_by(stat)));
            }
            match arguments.format.format {
                Format::Json => out.json(&json::object(image, stat, digest.as_ref()))?,
                Format::Table if stat.path.is_none() => {}
                Format::Table => {
                    if place > 0 {
                        out.line("")?;
                    }
                    describe::page(image, stat, digest.as_ref()).write(&mut out)?;
                }
            }
        }
        out.finish()?;
        match missing.split_last() {
            None => Ok(()),
            Some((last, others)) => {
                for text in others {
                    print(&format!("error: {}\n", crate::progress::visible(text)));
                }
                Err(Failure::input(last))
            }
        }
    })
}

fn content_digest(image: &OpenedImage<'_>, stat: &PathStat) -> Result<Option<Digest>, Failure> {
    let Some(content) = content(stat) else {
        return Ok(None);
    };
    let digest = image.content_digest(content).map_err(|source| {
        Failure::browse(BrowseError::Content {
            image: image.name().to_owned(),
            path: stat.asked.clone(),
            source,
        })
    });
    digest.map(Some)
}

/// The content, of a file that is there.
fn content(stat: &PathStat) -> Option<&Content> {
    match &stat.found.as_ref().ok()?.entry.as_ref()?.kind {
        Kind::File(content) => Some(content),
        _ => None,
    }
}

/// What became of a path that was in lower layers.
fn removed_by(stat: &PathStat) -> String {
    match stat.history.last() {
        Some(PathStep {
            layer,
            change: PathChange::Removed,
            ..
        }) => format!("; layer {} took it away", layer + 1),
        _ => String::new(),
    }
}

/// Text of an image: what is not UTF-8 becomes U+FFFD.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
