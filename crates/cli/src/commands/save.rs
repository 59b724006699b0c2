//! `crossdock save`.

use std::io::IsTerminal as _;
use std::path::Path;

use crossdock_build::{ArchiveReaders, SaveRequest, Target, save};

use super::refuse_device;
use crate::arguments::{ArchiveFormat, Save};
use crate::failure::Failure;
use crate::image::image_source;

pub(crate) fn run(root: Option<&Path>, arguments: &Save) -> Result<(), Failure> {
    let target = match &arguments.output {
        Some(path) if path != Path::new("-") => {
            refuse_device("-o ", path)?;
            Target::File(path.clone())
        }
        _ if std::io::stdout().is_terminal() => {
            return Err(Failure::input(
                "an archive is not written to a terminal; name a file with -o, or send it into \
                 another program",
            ));
        }
        _ => Target::Stdout,
    };
    let sources = arguments.images.iter().map(|image| image_source(image));
    let sources = sources.collect::<Result<Vec<_>, Failure>>()?;
    let choice = arguments.options.choice()?;
    let request = SaveRequest {
        images: &sources,
        choice: &choice,
        readers: match arguments.format {
            ArchiveFormat::All => ArchiveReaders::All,
            ArchiveFormat::Oci => ArchiveReaders::Oci,
            ArchiveFormat::Docker => ArchiveReaders::Docker,
        },
        target: &target,
    };
    arguments
        .options
        .with_images(root, |images| match save(images, &request) {
            Ok(_) => Ok(()),
            Err(error) if error.nobody_reads() => Err(Failure::nobody_reads()),
            Err(error) => Err(Failure::browse(error)),
        })
}
