//! `crossdock inspect`.

use std::path::Path;

use crossdock_build::{Document, ImageSource, Images, InspectedImage, Inspection, PlatformChoice};

use crate::arguments::Inspect;
use crate::failure::Failure;
use crate::image::image_source;
use crate::out::{Format, Out};

mod page;
mod row;

pub(crate) fn run(root: Option<&Path>, arguments: &Inspect) -> Result<(), Failure> {
    if let [_, _, ..] = arguments.images[..]
        && (arguments.raw || arguments.config)
    {
        let option = if arguments.raw { "--raw" } else { "--config" };
        return Err(Failure::input(format!(
            "{option}: prints a document as it is, and several would run into each other; name \
             one image"
        )));
    }
    let choice = arguments.options.choice()?;
    arguments.options.with_images(root, |images| {
        let mut out = Out::new();
        let mut failed: Option<Failure> = None;
        for (place, image) in arguments.images.iter().enumerate() {
            let shown = image_source(image)
                .and_then(|source| show(images, &source, &choice, arguments, place, &mut out));
            match shown {
                Ok(()) => {}
                Err(failure) if failure.is_quiet() => return Err(failure),
                Err(failure) => {
                    failed = Some(match failed {
                        Some(earlier) => earlier.and(failure),
                        None => failure,
                    });
                }
            }
        }
        out.finish()?;
        failed.map_or(Ok(()), Err)
    })
}

fn show(
    images: &Images<'_>,
    source: &ImageSource,
    choice: &PlatformChoice,
    arguments: &Inspect,
    place: usize,
    out: &mut Out,
) -> Result<(), Failure> {
    if arguments.raw && choice.wanted.is_none() {
        // Nothing else has to be there, or be in order.
        let named = images.find(source, choice).map_err(Failure::browse)?;
        let document = named.document().map_err(Failure::browse)?;
        return out.bytes(document.raw());
    }
    let inspection = images.inspect(source, choice).map_err(Failure::browse)?;
    if arguments.raw {
        return out.bytes(chosen(&inspection)?.manifest.raw());
    }
    if arguments.config {
        return out.bytes(&chosen(&inspection)?.config_bytes);
    }
    match arguments.format.format {
        Format::Json => out.json(&row::ImageRow::of(&inspection)),
        Format::Table => {
            if place > 0 {
                out.line("")?;
            }
            page::write(&inspection, out)
        }
    }
}

/// The image of an index that is meant.
fn chosen(inspection: &Inspection) -> Result<&InspectedImage, Failure> {
    inspection.image.as_ref().ok_or_else(|| {
        let platforms = match &inspection.document {
            Document::Index(index) => index.manifests().iter(),
            Document::Manifest(_) => [].iter(),
        };
        let platforms = platforms.filter(|entry| !entry.is_attestation());
        let platforms = platforms.filter_map(|entry| Some(entry.platform.as_ref()?.to_string()));
        Failure::input(format!(
            "{}: is an index of images for {}; choose one with --platform",
            inspection.name,
            platforms.collect::<Vec<_>>().join(", ")
        ))
    })
}
