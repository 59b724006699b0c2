//! `crossdock images`.

use std::path::Path;

use crossdock_build::{
    Descriptor, ImageProblem, NamePattern, Platform, StoredImage, StoredManifest, stored_images,
};
use serde::Serialize;

use crate::age::{ago, now};
use crate::arguments::ListImages;
use crate::failure::Failure;
use crate::out::{Format, Out};
use crate::progress::size;
use crate::store::open_store;
use crate::table::{Cell, Column, Style, Table};

pub(crate) fn run(root: Option<&Path>, arguments: &ListImages) -> Result<(), Failure> {
    let pattern = arguments.pattern.as_deref().map(NamePattern::parse);
    let pattern = pattern.transpose().map_err(Failure::input)?;
    let store = open_store(root)?;
    let images = stored_images(&store, pattern.as_ref())
        .map_err(|error| Failure::system(format!("store: {error}")))?;
    let mut out = Out::new();
    if arguments.quiet {
        for digest in digests(&images, arguments) {
            out.line(&digest)?;
        }
    } else if arguments.format.format == Format::Json {
        for image in &images {
            out.json(&ImageRow::of(image))?;
        }
    } else {
        let rows = rows(&images, arguments, now());
        write_table(&rows, arguments.no_trunc, &mut out)?;
    }
    out.finish()
}

/// Digits of a digest that are shown where it is not shown whole; docker's.
const SHORT: usize = 12;

/// The first digits of a digest, or all of it.
pub(super) fn shown_digest(digest: &str, whole: bool) -> String {
    let digits = digest.split_once(':').map_or(digest, |(_, digits)| digits);
    match whole {
        true => digest.to_owned(),
        false => digits.chars().take(SHORT).collect(),
    }
}

/// Digests, each once: an image may have several names.
fn digests(images: &[StoredImage], arguments: &ListImages) -> Vec<String> {
    let mut digests: Vec<String> = Vec::new();
    for image in images {
        let below = image
            .images
            .iter()
            .filter(|_| arguments.all && image.is_index);
        let below = below.map(|image| &image.descriptor);
        for descriptor in std::iter::once(&image.descriptor).chain(below) {
            let digest = shown_digest(&descriptor.digest.to_string(), arguments.no_trunc);
            if !digests.contains(&digest) {
                digests.push(digest);
            }
        }
    }
    digests
}

/// The cells of a row but for the note, and the note.
struct Row {
    cells: [String; 6],
    note: String,
    is_bad: bool,
}

fn rows(images: &[StoredImage], arguments: &ListImages, now: i64) -> Vec<Row> {
    let whole = arguments.no_trunc;
    let digest = |descriptor: &Descriptor| shown_digest(&descriptor.digest.to_string(), whole);
    let mut rows = Vec::new();
    for image in images {
        let (note, is_bad) = note_of_name(image);
        let is_known = image.images.iter().any(|image| image.problem.is_none());
        rows.push(Row {
            cells: [
                image.repository.clone(),
                image.tag.clone().unwrap_or_else(|| "<none>".to_owned()),
                platforms(image, whole),
                digest(&image.descriptor),
                ago(image.created(), now),
                shown_size(image.size, is_known),
            ],
            note,
            is_bad,
        });
        if !(arguments.all && image.is_index) {
            continue;
        }
        for (place, below) in image.images.iter().enumerate() {
            let is_last = place + 1 == image.images.len();
            let (note, is_bad) = note_of(below.problem.as_ref(), below.absent);
            let is_known = below.problem.is_none();
            rows.push(Row {
                cells: [
                    if is_last { "└─" } else { "├─" }.to_owned(),
                    String::new(),
                    platform(below),
                    digest(&below.descriptor),
                    match below.is_attestation || !is_known {
                        true => String::new(),
                        false => ago(below.created.as_deref(), now),
                    },
                    shown_size(below.size, is_known),
                ],
                note,
                is_bad,
            });
        }
    }
    rows
}

/// A size, if anything of the image could be read.
fn shown_size(bytes: u64, is_known: bool) -> String {
    match is_known {
        true => size(bytes),
        false => String::new(),
    }
}

/// Most characters of a list of platforms.
const WIDTH: usize = 32;

fn platforms(image: &StoredImage, whole: bool) -> String {
    let platforms: Vec<String> = image.real_images().map(platform).collect();
    let all = platforms.join(", ");
    if whole || all.len() <= WIDTH || platforms.len() < 2 {
        return all;
    }
    // One that can be looked at says more than the first of a list.
    let here = image
        .real_images()
        .position(|image| image.problem.is_none());
    format!("{} +{}", platforms[here.unwrap_or(0)], platforms.len() - 1)
}

fn platform(image: &StoredManifest) -> String {
    match &image.platform {
        _ if image.is_attestation => "attestation".to_owned(),
        Some(platform) => platform.to_string(),
        None => String::new(),
    }
}

/// What is to be said of a name, and whether it is bad.
fn note_of_name(image: &StoredImage) -> (String, bool) {
    let mut images = image.images.iter();
    let count = image.real_images().count();
    let is_absent = |image: &&StoredManifest| matches!(image.problem, Some(ImageProblem::Absent));
    let absent = image.real_images().filter(is_absent).count();
    if image.problem.is_some() {
        return note_of(image.problem.as_ref(), 0);
    }
    let damaged = images.find(|image| !matches!(image.problem, None | Some(ImageProblem::Absent)));
    if damaged.is_some() || !image.is_index {
        let one = damaged.or(image.images.first());
        return note_of(one.and_then(|one| one.problem.as_ref()), image.absent);
    }
    let (mut text, is_bad) = note_of(None, image.absent);
    if absent > 0 {
        let here = count - absent;
        let separator = if text.is_empty() { "" } else { ", " };
        text = format!("{here} of {count} images here{separator}{text}");
    }
    (text, is_bad)
}

fn note_of(problem: Option<&ImageProblem>, absent: u64) -> (String, bool) {
    match problem {
        Some(problem @ ImageProblem::Absent) => (problem.to_string(), false),
        Some(problem) => (format!("damaged: {problem}"), true),
        None if absent > 0 => (format!("{} not here", size(absent)), false),
        None => (String::new(), false),
    }
}

const COLUMNS: [Column; 7] = [
    Column::flexible("REPOSITORY"),
    Column::left("TAG"),
    Column::flexible("PLATFORM"),
    Column::left("DIGEST"),
    Column::left("CREATED"),
    Column::right("SIZE"),
    Column::flexible("NOTE"),
];
const WHOLE_COLUMNS: [Column; 7] = [
    Column::left("REPOSITORY"),
    Column::left("TAG"),
    Column::left("PLATFORM"),
    Column::left("DIGEST"),
    Column::left("CREATED"),
    Column::right("SIZE"),
    Column::left("NOTE"),
];

fn write_table(rows: &[Row], whole: bool, out: &mut Out) -> Result<(), Failure> {
    let columns = if whole { &WHOLE_COLUMNS } else { &COLUMNS };
    // Most stores have nothing to say there.
    let has_notes = rows.iter().any(|row| !row.note.is_empty());
    let mut table = Table::new(&columns[..6 + usize::from(has_notes)]);
    for row in rows {
        let style = if row.is_bad {
            Style::Error
        } else {
            Style::Warning
        };
        let note = has_notes.then(|| Cell::new(&row.note, style));
        table.row(row.cells.iter().map(Cell::from).chain(note));
    }
    table.write(out)
}

/// A name in JSON.
#[derive(Serialize)]
struct ImageRow<'i> {
    name: &'i str,
    repository: &'i str,
    tag: Option<&'i str>,
    digest: String,
    media_type: &'i str,
    created: Option<&'i str>,
    size: u64,
    absent_size: u64,
    is_index: bool,
    images: Vec<ManifestRow<'i>>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct ManifestRow<'i> {
    digest: String,
    media_type: &'i str,
    platform: Option<&'i Platform>,
    is_attestation: bool,
    created: Option<&'i str>,
    size: u64,
    absent_size: u64,
    problem: Option<String>,
}

impl<'i> ImageRow<'i> {
    fn of(image: &'i StoredImage) -> Self {
        let images = image.images.iter().map(|image| ManifestRow {
            digest: image.descriptor.digest.to_string(),
            media_type: &image.descriptor.media_type,
            platform: image.platform.as_ref(),
            is_attestation: image.is_attestation,
            created: image.created.as_deref(),
            size: image.size,
            absent_size: image.absent,
            problem: image.problem.as_ref().map(ToString::to_string),
        });
        Self {
            name: &image.name,
            repository: &image.repository,
            tag: image.tag.as_deref(),
            digest: image.descriptor.digest.to_string(),
            media_type: &image.descriptor.media_type,
            created: image.created(),
            size: image.size,
            absent_size: image.absent,
            is_index: image.is_index,
            images: images.collect(),
            problem: image.problem.as_ref().map(ToString::to_string),
        }
    }
}
