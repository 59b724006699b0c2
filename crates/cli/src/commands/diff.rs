//! `crossdock diff`.

mod json;
mod table;
mod text;

use std::path::Path;

use crossdock_build::{
    BrowseError, Change, ConfigChange, Content, Diff as TreeDiff, DiffOptions, DiffPath, DiffSide,
    DiffTopic, Images, OpenedImage, diff_configs, diff_images, diff_layer,
};

use self::text::{FileDiff, TextOptions};
use crate::arguments::Diff;
use crate::failure::Failure;
use crate::image::{image_and_path, image_source, platform_choice};
use crate::out::{Format, Out};

pub(crate) fn run(root: Option<&Path>, arguments: &Diff) -> Result<(), Failure> {
    let asked = Asked::of(arguments)?;
    let answer = |images: &Images<'_>| answer(images, arguments, &asked);
    let differs = arguments.places.with_images(root, answer)?;
    match differs && arguments.exit_code {
        true => Err(Failure::told()),
        false => Ok(()),
    }
}

/// What is compared.
struct Asked<'a> {
    old: &'a str,
    /// The second image, if it is named.
    new: Option<&'a str>,
    paths: Vec<DiffPath>,
}

impl<'a> Asked<'a> {
    fn of(arguments: &'a Diff) -> Result<Self, Failure> {
        if arguments.platform.len() > 2 {
            return Err(Failure::input("--platform can be given twice at most"));
        }
        if arguments.layer.is_some() && arguments.platform.len() > 1 {
            return Err(Failure::input(
                "--layer looks into one image: give one --platform",
            ));
        }
        let (old, old_path) = image_and_path(&arguments.image, None);
        let mut more = arguments.more.iter().map(String::as_str).peekable();
        let second = match (arguments.layer.is_some(), arguments.platform.len()) {
            (true, _) => None,
            (false, 2) => more.next_if(|text| !is_path(text)),
            (false, _) => Some(more.next().ok_or_else(|| {
                Failure::input(format!(
                    "{old}: there is nothing to compare it with; name a second image, or two \
                     --platform, or a --layer"
                ))
            })?),
        };
        let (new, new_path) = match second.map(|text| image_and_path(text, None)) {
            Some((new, path)) => (Some(new), path),
            None => (None, None),
        };
        let mut paths: Vec<DiffPath> = more.map(|path| DiffPath::same(path.as_bytes())).collect();
        if let Some(path) = old_path.or(new_path) {
            if !paths.is_empty() {
                return Err(Failure::input(
                    "paths stand either behind the images' names or after them, not both",
                ));
            }
            paths.push(DiffPath {
                old: old_path.unwrap_or(path).into(),
                new: new_path.unwrap_or(path).into(),
            });
        }
        Ok(Self { old, new, paths })
    }
}

/// Whether an argument is a path in an image where it could also be another image.
fn is_path(text: &str) -> bool {
    matches!(
        text.as_bytes(),
        [b'/' | b'\\', ..] | [b'a'..=b'z' | b'A'..=b'Z', b':', b'/' | b'\\', ..]
    )
}

/// Prints what differs; gives whether anything does.
fn answer(images: &Images<'_>, arguments: &Diff, asked: &Asked<'_>) -> Result<bool, Failure> {
    let platform = |place: usize| {
        let given = arguments.platform.get(place).or(arguments.platform.first());
        platform_choice("--platform", given.map(String::as_str))
    };
    let open = |name: &str, place| {
        let source = image_source(name)?;
        images
            .open(&source, &platform(place)?)
            .map_err(Failure::browse)
    };
    let old = open(asked.old, 0)?;
    let options = options(arguments);
    if let Some(layer) = &arguments.layer {
        let layer = layer_place(&old, layer)?;
        let diff = diff_layer(&old, layer, &asked.paths, &options).map_err(Failure::browse)?;
        return Printer::new(&old, &old, arguments).print(&diff, &[]);
    }
    let new = open(asked.new.unwrap_or(asked.old), 1)?;
    let diff = diff_images(&old, &new, &asked.paths, &options).map_err(Failure::browse)?;
    let has_config = !arguments.no_config && (arguments.config || asked.paths.is_empty());
    let config = match has_config && !arguments.name_only {
        true => diff_configs(&old, &new, options.ignored.contains(&DiffTopic::Time)),
        false => Vec::new(),
    };
    Printer::new(&old, &new, arguments).print(&diff, &config)
}

fn options(arguments: &Diff) -> DiffOptions {
    let topics = arguments.ignore.iter().flat_map(|ignored| ignored.topics());
    let times = arguments.no_times.then_some(&DiffTopic::Time);
    DiffOptions {
        ignored: topics.chain(times).copied().collect(),
        all: arguments.all || arguments.content,
        no_renames: arguments.no_renames,
    }
}

/// The place of a layer, from 0, of which a number from 1 or the beginning of a digest is given.
fn layer_place(image: &OpenedImage<'_>, text: &str) -> Result<usize, Failure> {
    const LEAST: usize = 4;
    let layers = image.layers().len();
    let number = text.parse::<usize>().ok();
    if let Some(number) = number.filter(|number| (1..=layers).contains(number)) {
        return Ok(number - 1);
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_start = |digest: String| digest.trim_start_matches("sha256:").starts_with(digits);
    let found = image.layers().enumerate().filter(|(_, layer)| {
        is_start(layer.diff_id.to_string()) || is_start(layer.descriptor.digest.to_string())
    });
    let found: Vec<usize> = found.map(|(place, _)| place).collect();
    match found[..] {
        [place] if digits.len() >= LEAST => Ok(place),
        _ => Err(Failure::input(format!(
            "--layer {text}: {} has {layers} layers; write a number from 1, or the beginning of a \
             digest that only one of them has (crossdock history lists them)",
            image.name()
        ))),
    }
}

/// Writes what differs.
struct Printer<'p> {
    old: &'p OpenedImage<'p>,
    new: &'p OpenedImage<'p>,
    arguments: &'p Diff,
    out: Out,
}

impl<'p> Printer<'p> {
    fn new(old: &'p OpenedImage<'p>, new: &'p OpenedImage<'p>, arguments: &'p Diff) -> Self {
        Self {
            old,
            new,
            arguments,
            out: Out::new(),
        }
    }

    /// Gives whether anything differs.
    fn print(mut self, diff: &TreeDiff, config: &[ConfigChange]) -> Result<bool, Failure> {
        let is_json = self.arguments.format.format == Format::Json;
        for change in &diff.changes {
            if self.arguments.name_only {
                self.out.line(&table::shown(&change.path))?;
                continue;
            }
            let texts = match self.arguments.content {
                true => self.file_diff(change)?,
                false => None,
            };
            match is_json {
                true => json::change(&mut self.out, change, texts.as_ref())?,
                false => {
                    table::change(&mut self.out, change)?;
                    if let Some(texts) = &texts {
                        table::texts(&mut self.out, change, texts)?;
                    }
                }
            }
        }
        match (self.arguments.name_only, is_json) {
            (true, _) => {}
            (false, true) => json::rest(&mut self.out, diff, config)?,
            (false, false) => table::rest(&mut self.out, diff, config)?,
        }
        self.out.finish()?;
        Ok(!diff.changes.is_empty() || !config.is_empty() || diff.not_compared.outside > 0)
    }

    /// The texts of a file that was added, removed or changed.
    fn file_diff(&self, change: &Change) -> Result<Option<FileDiff>, Failure> {
        let content = |side: &Option<DiffSide>| side.as_ref().and_then(|side| side.content.clone());
        let (old, new) = (content(&change.old), content(&change.new));
        if old.is_none() && new.is_none() || !change.has_other_content() {
            return Ok(None);
        }
        let options = TextOptions {
            context: self.arguments.unified,
            limit: self.arguments.content_limit,
        };
        let sizes = [&old, &new].map(|content| content.as_ref().map(Content::size));
        let is_large = |size: &Option<u64>| size.is_some_and(|size| size > options.limit);
        if sizes.iter().any(is_large) {
            return Ok(Some(FileDiff::TooLarge(sizes)));
        }
        let old_path = change.old_path.as_deref().unwrap_or(&change.path);
        let old = self.read(self.old, old, old_path)?;
        let new = self.read(self.new, new, &change.path)?;
        Ok(Some(FileDiff::of(old.as_deref(), new.as_deref(), &options)))
    }

    fn read(
        &self,
        image: &OpenedImage<'_>,
        content: Option<Content>,
        path: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some(content) = content else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = image
            .content(&content)
            .and_then(|mut reader| reader.read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(source) => Err(Failure::browse(BrowseError::Content {
                image: image.name().to_owned(),
                path: String::from_utf8_lossy(path).into_owned(),
                source,
            })),
        }
    }
}
