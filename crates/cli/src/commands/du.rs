//! `crossdock du`.

use std::path::Path;

use crossdock_build::{
    DiskUsage, Field, FieldChange, ImageLayer, LayerUsage, LayerWaste, LossReason, LostFile,
    OpenedImage, UsageOptions, UsageRow, disk_usage,
};
use serde::Serialize;

use super::stat::fields_text;
use crate::arguments::Du;
use crate::failure::Failure;
use crate::image::image_and_path;
use crate::out::{Format, Out};
use crate::progress::size;
use crate::table::{Cell, Column, Style, Table};

pub(crate) fn run(root: Option<&Path>, arguments: &Du) -> Result<(), Failure> {
    let (image, path) = match arguments.layers || arguments.wasted {
        true => (arguments.image.as_str(), None),
        false => image_and_path(&arguments.image, arguments.path.as_deref()),
    };
    arguments.options.with_image(root, image, |image| {
        let mut out = Out::new();
        let sizes = Sizes {
            in_bytes: arguments.bytes,
        };
        let format = arguments.format.format;
        if arguments.layers {
            let waste = image.waste().map_err(Failure::browse)?;
            print_layers(image, &waste, sizes, format, &mut out)?;
        } else if arguments.wasted {
            let waste = image.waste().map_err(Failure::browse)?;
            let limit = match arguments.top {
                0 => usize::MAX,
                limit => limit,
            };
            print_wasted(&waste, limit, sizes, format, &mut out)?;
        } else {
            let found = image.path(path.unwrap_or_default().as_bytes(), true);
            let start = found.map_err(Failure::browse)?.node;
            let tree = image.tree().map_err(Failure::browse)?;
            let options = UsageOptions {
                depth: match arguments.summarize {
                    true => 0,
                    false => arguments.max_depth,
                },
                files: arguments.all,
            };
            print_usage(&disk_usage(&tree, start, options), sizes, format, &mut out)?;
        }
        out.finish()
    })
}

/// How sizes are written.
#[derive(Clone, Copy)]
struct Sizes {
    in_bytes: bool,
}

impl Sizes {
    fn text(self, bytes: u64) -> String {
        match self.in_bytes {
            true => bytes.to_string(),
            false => size(bytes),
        }
    }
}

#[derive(Serialize)]
struct UsageJson {
    path: String,
    kind: &'static str,
    bytes: u64,
    files: u64,
    directories: u64,
    /// Beside the root that programs see.
    outside: bool,
    total: bool,
}

fn print_usage(
    usage: &DiskUsage,
    sizes: Sizes,
    format: Format,
    out: &mut Out,
) -> Result<(), Failure> {
    const COLUMNS: &[Column] = &[
        Column::right("SIZE"),
        Column::right("FILES"),
        Column::flexible("PATH"),
    ];
    if format == Format::Json {
        for (row, total) in rows(usage) {
            out.json(&UsageJson {
                path: text(&row.path),
                kind: if row.is_directory {
                    "directory"
                } else {
                    "file"
                },
                bytes: row.usage.bytes,
                files: row.usage.files,
                directories: row.usage.directories,
                outside: row.is_outside,
                total,
            })?;
        }
        return Ok(());
    }
    let mut table = Table::new(COLUMNS);
    for (row, total) in rows(usage) {
        let style = match (total, row.is_directory) {
            (true, _) => Style::Bold,
            (false, true) => Style::Directory,
            (false, false) => Style::Plain,
        };
        let path = match row.is_outside {
            true => format!("{} (beside C:\\)", text(&row.path)),
            false => text(&row.path),
        };
        table.row([
            Cell::from(sizes.text(row.usage.bytes)),
            Cell::from(row.usage.files.to_string()),
            Cell::new(path, style),
        ]);
    }
    table.write(out)
}

/// What is below, and the total as the last.
fn rows(usage: &DiskUsage) -> impl Iterator<Item = (&UsageRow, bool)> {
    let below = usage.rows.iter().map(|row| (row, false));
    below.chain([(&usage.total, true)])
}

#[derive(Serialize)]
struct LayerJson<'a> {
    /// From 1; none of the sum.
    layer: Option<usize>,
    diff_id: Option<String>,
    created_by: Option<&'a str>,
    compressed_bytes: u64,
    uncompressed_bytes: u64,
    entries: u64,
    file_bytes: u64,
    wasted_bytes: u64,
    /// Of the sum: the share of the files' bytes that the image shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    efficiency: Option<f64>,
}

fn print_layers(
    image: &OpenedImage<'_>,
    waste: &LayerWaste,
    sizes: Sizes,
    format: Format,
    out: &mut Out,
) -> Result<(), Failure> {
    const COLUMNS: &[Column] = &[
        Column::right("LAYER"),
        Column::right("COMPRESSED"),
        Column::right("TAR"),
        Column::right("FILES"),
        Column::right("WASTED"),
        Column::flexible("CREATED BY"),
    ];
    let mut sum = LayerUsage::default();
    let mut compressed = 0u64;
    let mut table = Table::new(COLUMNS);
    let layers = image.layers().zip(&waste.layers).enumerate();
    for (place, (layer, usage)) in layers {
        sum.entries += usage.entries;
        sum.tar_size = sum.tar_size.saturating_add(usage.tar_size);
        compressed = compressed.saturating_add(layer.descriptor.size);
        if format == Format::Json {
            out.json(&LayerJson {
                layer: Some(place + 1),
                diff_id: Some(layer.diff_id.to_string()),
                created_by: created_by(&layer),
                compressed_bytes: layer.descriptor.size,
                uncompressed_bytes: usage.tar_size,
                entries: usage.entries,
                file_bytes: usage.bytes,
                wasted_bytes: usage.wasted,
                efficiency: None,
            })?;
            continue;
        }
        table.row([
            Cell::from((place + 1).to_string()),
            Cell::from(sizes.text(layer.descriptor.size)),
            Cell::from(sizes.text(usage.tar_size)),
            Cell::from(sizes.text(usage.bytes)),
            wasted_cell(usage.wasted, sizes),
            Cell::from(created_by(&layer).unwrap_or_default()),
        ]);
    }
    (sum.bytes, sum.wasted) = (waste.bytes(), waste.wasted());
    if format == Format::Json {
        return out.json(&LayerJson {
            layer: None,
            diff_id: None,
            created_by: None,
            compressed_bytes: compressed,
            uncompressed_bytes: sum.tar_size,
            entries: sum.entries,
            file_bytes: sum.bytes,
            wasted_bytes: sum.wasted,
            efficiency: Some(waste.efficiency()),
        });
    }
    table.row([
        Cell::default(),
        Cell::from(sizes.text(compressed)),
        Cell::from(sizes.text(sum.tar_size)),
        Cell::from(sizes.text(sum.bytes)),
        wasted_cell(sum.wasted, sizes),
        Cell::new("total", Style::Bold),
    ]);
    table.write(out)?;
    out.line("")?;
    out.line(&efficiency(waste, sizes))
}

fn wasted_cell(bytes: u64, sizes: Sizes) -> Cell {
    let style = match bytes {
        0 => Style::Faint,
        _ => Style::Warning,
    };
    Cell::new(sizes.text(bytes), style)
}

fn efficiency(waste: &LayerWaste, sizes: Sizes) -> String {
    // Rounded down: only what wastes nothing is at 100 %.
    let share = (waste.efficiency() * 1000.0).floor() / 10.0;
    format!(
        "efficiency {share:.1} %: {} of {} in files are wasted",
        sizes.text(waste.wasted()),
        sizes.text(waste.bytes()),
    )
}

/// What the history says of a layer.
pub(super) fn created_by<'i>(layer: &ImageLayer<'i>) -> Option<&'i str> {
    let text = layer.history.map(|history| history.created_by.as_str());
    text.filter(|text| !text.is_empty())
}

#[derive(Serialize)]
struct LostJson {
    path: String,
    bytes: u64,
    /// From 1.
    layer: usize,
    by_layer: usize,
    reason: &'static str,
    /// What differs in a copy of the same content.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Vec<String>>,
}

fn print_wasted(
    waste: &LayerWaste,
    limit: usize,
    sizes: Sizes,
    format: Format,
    out: &mut Out,
) -> Result<(), Failure> {
    const COLUMNS: &[Column] = &[
        Column::right("WASTED"),
        Column::right("LAYER"),
        Column::flexible("PATH"),
        Column::flexible("WHY"),
    ];
    let files = waste.lost_files(limit);
    if format == Format::Json {
        for file in &files {
            out.json(&lost_json(file))?;
        }
        return Ok(());
    }
    let mut table = Table::new(COLUMNS);
    for file in &files {
        let style = match file.reason {
            LossReason::Copied(_) => Style::Changed,
            LossReason::Overwritten => Style::Plain,
            _ => Style::Removed,
        };
        table.row([
            Cell::from(sizes.text(file.bytes)),
            Cell::from((file.layer + 1).to_string()),
            Cell::from(text(&file.path)),
            Cell::new(why(file), style),
        ]);
    }
    if !files.is_empty() {
        table.write(out)?;
        let hidden = waste.lost_count() - files.len();
        if hidden > 0 {
            out.line(&format!("… and {hidden} more (--top 0 shows all)"))?;
        }
        out.line("")?;
    }
    out.line(&efficiency(waste, sizes))
}

fn why(file: &LostFile) -> String {
    let layer = file.by + 1;
    match &file.reason {
        LossReason::Overwritten => format!("overwritten in layer {layer}"),
        LossReason::Copied(fields) if fields.is_empty() => {
            format!("the same again in layer {layer}")
        }
        LossReason::Copied(fields) => {
            format!("metadata only in layer {layer}: {}", fields_text(fields))
        }
        LossReason::Removed => format!("removed in layer {layer}"),
        LossReason::DirectoryRemoved => format!("removed with its directory in layer {layer}"),
        LossReason::DirectoryHidden => format!("hidden by an opaque directory of layer {layer}"),
        LossReason::DirectoryReplaced => {
            format!("its directory is something else in layer {layer}")
        }
    }
}

fn lost_json(file: &LostFile) -> LostJson {
    let name = |change: &FieldChange| field_key(&change.field);
    LostJson {
        path: text(&file.path),
        bytes: file.bytes,
        layer: file.layer + 1,
        by_layer: file.by + 1,
        reason: match &file.reason {
            LossReason::Overwritten => "overwritten",
            LossReason::Copied(fields) if fields.is_empty() => "same_again",
            LossReason::Copied(_) => "metadata_only",
            LossReason::Removed => "removed",
            LossReason::DirectoryRemoved => "directory_removed",
            LossReason::DirectoryHidden => "directory_hidden",
            LossReason::DirectoryReplaced => "directory_replaced",
        },
        changed: match &file.reason {
            LossReason::Copied(fields) => Some(fields.iter().map(name).collect()),
            _ => None,
        },
    }
}

/// A field as JSON names it.
pub(super) fn field_key(field: &Field) -> String {
    super::stat::field_name(field).replace(' ', "_")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
