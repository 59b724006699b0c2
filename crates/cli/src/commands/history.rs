//! `crossdock history`.

use std::path::Path;

use crossdock_build::{HistoryStep, ImageHistory, OpenedImage};
use serde::Serialize;

use super::images::shown_digest;
use crate::age::{ago, now};
use crate::arguments::ShowHistory;
use crate::failure::Failure;
use crate::out::{Format, Out};
use crate::progress::size;
use crate::table::{Cell, Column, Style, Table};

pub(crate) fn run(root: Option<&Path>, arguments: &ShowHistory) -> Result<(), Failure> {
    let show = |image: &OpenedImage<'_>| show(image, arguments);
    arguments.options.with_image(root, &arguments.image, show)
}

fn show(image: &OpenedImage<'_>, arguments: &ShowHistory) -> Result<(), Failure> {
    let history = image.history().map_err(Failure::browse)?;
    if !history.fits {
        image.warn(mismatch(image.name(), &history));
    }
    let mut out = Out::new();
    let steps = history.steps.iter().rev();
    if arguments.quiet {
        for layer in steps.filter_map(|step| step.layer) {
            out.line(&shown_digest(
                &layer.diff_id.to_string(),
                arguments.no_trunc,
            ))?;
        }
    } else if arguments.format.format == Format::Json {
        for step in steps {
            out.json(&StepRow::of(step))?;
        }
    } else {
        let columns = if arguments.no_trunc {
            &WHOLE_COLUMNS
        } else {
            &COLUMNS
        };
        let mut table = Table::new(columns);
        let now = now();
        for step in steps {
            table.row(cells(step, arguments, now));
        }
        table.write(&mut out)?;
    }
    out.finish()
}

fn mismatch(image: &str, history: &ImageHistory<'_>) -> String {
    let layers = history.steps.iter().filter(|step| step.layer.is_some());
    let made = history.steps.iter().filter_map(|step| step.history);
    let made = made.filter(|step| !step.empty_layer);
    format!(
        "{image}: its history tells of {} layers and it has {}; it is not known which step made \
         which",
        made.count(),
        layers.count()
    )
}

const COLUMNS: [Column; 6] = [
    Column::left("LAYER"),
    Column::left("CREATED"),
    Column::flexible("CREATED BY"),
    Column::right("SIZE"),
    Column::right("COMPRESSED"),
    Column::flexible("COMMENT"),
];
const WHOLE_COLUMNS: [Column; 6] = [
    Column::left("LAYER"),
    Column::left("CREATED"),
    Column::left("CREATED BY"),
    Column::right("SIZE"),
    Column::right("COMPRESSED"),
    Column::left("COMMENT"),
];

/// What stands for what there is not.
const NONE: &str = "-";

fn cells(step: &HistoryStep<'_>, arguments: &ShowHistory, now: i64) -> [Cell; 6] {
    let shown_size = |bytes: u64| match arguments.human {
        true => size(bytes),
        false => bytes.to_string(),
    };
    let created = step.history.and_then(|step| step.created.as_deref());
    let created = match (step.history, arguments.human) {
        (None, _) => NONE.to_owned(),
        (_, true) => ago(created, now),
        (_, false) => created.unwrap_or("N/A").to_owned(),
    };
    let text = |text: Option<&str>| Cell::from(text.unwrap_or_default());
    let by = match step.history {
        Some(step) => Cell::from(&step.created_by),
        None => Cell::new("<missing>", Style::Faint),
    };
    let (layer, uncompressed, compressed) = match step.layer {
        None => (NONE.to_owned(), NONE.to_owned(), NONE.to_owned()),
        Some(layer) => (
            shown_digest(&layer.diff_id.to_string(), arguments.no_trunc),
            layer
                .uncompressed
                .map_or_else(|| "?".to_owned(), shown_size),
            shown_size(layer.descriptor.size),
        ),
    };
    [
        layer.into(),
        created.into(),
        by,
        uncompressed.into(),
        compressed.into(),
        text(step.history.map(|step| step.comment.as_str())),
    ]
}

/// A step in JSON.
#[derive(Serialize)]
struct StepRow<'i> {
    diff_id: Option<String>,
    digest: Option<String>,
    media_type: Option<&'i str>,
    created: Option<&'i str>,
    created_by: Option<&'i str>,
    author: Option<&'i str>,
    comment: Option<&'i str>,
    empty_layer: Option<bool>,
    size: Option<u64>,
    compressed_size: Option<u64>,
}

impl<'i> StepRow<'i> {
    fn of(step: &HistoryStep<'i>) -> Self {
        let said = |text: &'i str| Some(text).filter(|text| !text.is_empty());
        let (history, layer) = (step.history, step.layer);
        Self {
            diff_id: layer.map(|layer| layer.diff_id.to_string()),
            digest: layer.map(|layer| layer.descriptor.digest.to_string()),
            media_type: layer.map(|layer| layer.descriptor.media_type.as_str()),
            created: history.and_then(|step| step.created.as_deref()),
            created_by: history.map(|step| step.created_by.as_str()),
            author: history.and_then(|step| said(&step.author)),
            comment: history.and_then(|step| said(&step.comment)),
            empty_layer: history.map(|step| step.empty_layer),
            size: layer.and_then(|layer| layer.uncompressed),
            compressed_size: layer.map(|layer| layer.descriptor.size),
        }
    }
}
