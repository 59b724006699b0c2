//! How commands come to the images that they look into.

use std::path::Path;

use clap::Args;
use crossdock_build::{
    BrowseError, Event, ImageSource, Images, OpenedImage, Platform, PlatformChoice,
    split_image_path,
};

use crate::arguments::parse_size;
use crate::commands::build::{host_platform, limits};
use crate::commands::threads;
use crate::failure::Failure;
use crate::progress::BriefProgress;
use crate::registry::RegistryOptions;
use crate::store::open_store;

/// What an image argument may be; for the help of every command that has one.
pub(crate) const IMAGES: &str = "\
Images:
  NAME[:TAG][@DIGEST]       an image of the store, or else of its registry
  sha256:DIGITS             an image of the store, by the beginning of its digest
  oci-layout://DIR[:TAG]    in an OCI image layout
  oci-archive://FILE, docker-archive://FILE, ./FILE
                            in a tar that docker save, skopeo, buildah or crossdock wrote";

/// The options of every command that looks into one image.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ImageOptions {
    /// Which image of an index, such as windows(10.0.20348)/amd64 [default: the only one, or the
    /// one for linux on this machine's architecture]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,

    #[command(flatten)]
    pub(crate) places: PlaceOptions,
}

/// How images are found and read, whichever of an index is meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceOptions {
    /// Ask the registry even for a name that the store has
    #[arg(long)]
    pub(crate) pull: bool,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,

    /// Most bytes that a layer may decompress to, such as 200GiB [default: 64GiB, and no more
    /// than 250 times its compressed size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_layer_size: Option<u64>,
}

impl PlaceOptions {
    /// Gives `act` what opens images.
    pub(crate) fn with_images<T>(
        &self,
        root: Option<&Path>,
        act: impl FnOnce(&Images<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let registry = self.registry.registry()?;
        let store = open_store(root)?;
        let progress = BriefProgress::new();
        let events = |event: Event| progress.show(&event);
        let limits = limits(self.max_layer_size);
        let images = Images::new(&store, &registry, threads(), limits, &events);
        act(&images.always_pull(self.pull))
    }
}

impl ImageOptions {
    /// Which image of an index is meant.
    pub(crate) fn choice(&self) -> Result<PlatformChoice, Failure> {
        platform_choice("--platform", self.platform.as_deref())
    }

    /// Gives `act` what opens images.
    pub(crate) fn with_images<T>(
        &self,
        root: Option<&Path>,
        act: impl FnOnce(&Images<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.places.with_images(root, act)
    }

    /// Opens the image that an argument names, and gives it to `act`.
    pub(crate) fn with_image<T>(
        &self,
        root: Option<&Path>,
        image: &str,
        act: impl FnOnce(&OpenedImage<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let source = image_source(image)?;
        let choice = self.choice()?;
        self.with_images(root, |images| {
            act(&images.open(&source, &choice).map_err(Failure::browse)?)
        })
    }
}

/// Reads the value of an option that chooses an image of an index.
pub(crate) fn platform_choice(option: &str, text: Option<&str>) -> Result<PlatformChoice, Failure> {
    let default = host_platform();
    let wanted = text.map(|text| {
        Platform::parse_specifier(text, &default)
            .map_err(|error| Failure::input(format!("{option}: {error}")))
    });
    Ok(PlatformChoice {
        wanted: wanted.transpose()?,
        default,
    })
}

/// Reads an argument that names an image.
pub(crate) fn image_source(text: &str) -> Result<ImageSource, Failure> {
    ImageSource::from_argument(text).map_err(Failure::input)
}

/// An image and a path in it, from `IMAGE PATH` or `IMAGE:PATH`.
pub(crate) fn image_and_path<'t>(
    image: &'t str,
    path: Option<&'t str>,
) -> (&'t str, Option<&'t str>) {
    match path {
        Some(path) => (image, Some(path)),
        None => match split_image_path(image) {
            // Without a separator the rest is a tag, or a port.
            Some((image, path)) if is_absolute(path) => (image, Some(path)),
            _ => (image, None),
        },
    }
}

/// Whether a path begins with a separator or a drive.
fn is_absolute(path: &str) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    match path.as_bytes() {
        [first, ..] if is_separator(first) => true,
        [drive, b':', next, ..] => drive.is_ascii_alphabetic() && is_separator(next),
        _ => false,
    }
}

impl Failure {
    /// An image that cannot be looked into.
    pub(crate) fn browse(error: BrowseError) -> Self {
        Self::of(&error, error.class())
    }
}
