//! What `crossdock inspect` shows of an image to people.

use std::collections::BTreeMap;

use crossdock_build::{Config, Descriptor, Document, InspectedImage, Inspection};
use serde_json::Value;

use crate::failure::Failure;
use crate::out::Out;
use crate::progress::{size, visible};
use crate::table::{Cell, Column, Style, Table};

/// Writes all that is known of an image.
pub(super) fn write(inspection: &Inspection, out: &mut Out) -> Result<(), Failure> {
    let image = inspection.image.as_ref();
    let mut page = Page::default();
    page.line("Name", &inspection.name);
    page.document(&inspection.descriptor, media_type(&inspection.document));
    let Document::Index(index) = &inspection.document else {
        if let Some(image) = image {
            page.image(image);
        }
        return page.write(out).and_then(|()| layers(image, out));
    };
    page.optional("Artifact type", index.artifact_type());
    page.map("Annotations", index.annotations());
    page.write(out)?;
    images(index.manifests(), image, out)?;
    let Some(image) = image else {
        return out.line("\nNone of them is for this machine; --platform shows one");
    };
    out.line("")?;
    let mut page = Page::default();
    page.document(&image.descriptor, image.manifest.media_type());
    page.image(image);
    page.write(out).and_then(|()| layers(Some(image), out))
}

fn media_type(document: &Document) -> &str {
    match document {
        Document::Index(index) => index.media_type(),
        Document::Manifest(manifest) => manifest.media_type(),
    }
}

/// What an index lists; the chosen image is marked.
fn images(
    entries: &[Descriptor],
    chosen: Option<&InspectedImage>,
    out: &mut Out,
) -> Result<(), Failure> {
    const COLUMNS: [Column; 3] = [
        Column::left(" "),
        Column::left("PLATFORM"),
        Column::flexible("DIGEST"),
    ];
    let mut table = Table::new(&COLUMNS);
    for entry in entries {
        let is_chosen = chosen.is_some_and(|image| image.descriptor.digest == entry.digest);
        let platform = match &entry.platform {
            _ if entry.is_attestation() => "attestation".to_owned(),
            Some(platform) => platform.to_string(),
            None => "-".to_owned(),
        };
        let style = if is_chosen { Style::Bold } else { Style::Plain };
        table.row([
            Cell::from(if is_chosen { "*" } else { "" }),
            Cell::new(platform, style),
            Cell::from(entry.digest.to_string()),
        ]);
    }
    out.line("")?;
    table.write(out)
}

/// The layers, lowest first.
fn layers(image: Option<&InspectedImage>, out: &mut Out) -> Result<(), Failure> {
    const COLUMNS: [Column; 5] = [
        Column::flexible("LAYER"),
        Column::flexible("DIFF ID"),
        Column::right("SIZE"),
        Column::right("COMPRESSED"),
        Column::flexible("MEDIA TYPE"),
    ];
    let Some(image) = image.filter(|image| !image.layers.is_empty()) else {
        return Ok(());
    };
    let mut table = Table::new(&COLUMNS);
    for layer in &image.layers {
        let diff_id = layer.diff_id.map(|diff_id| diff_id.to_string());
        table.row([
            Cell::from(layer.descriptor.digest.to_string()),
            Cell::from(diff_id.as_deref().unwrap_or("-")),
            Cell::from(layer.uncompressed.map_or_else(|| "?".to_owned(), size)),
            Cell::from(size(layer.descriptor.size)),
            Cell::from(&layer.descriptor.media_type),
        ]);
    }
    out.line("")?;
    table.write(out)
}

/// Lines of labels and texts.
#[derive(Default)]
struct Page(Vec<(&'static str, String)>);

impl Page {
    fn line(&mut self, label: &'static str, text: impl Into<String>) {
        self.0.push((label, text.into()));
    }

    /// A line unless the text is empty.
    fn optional(&mut self, label: &'static str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.line(label, text);
        }
    }

    /// A line for each of several texts, the first with the label.
    fn list(&mut self, label: &'static str, texts: impl IntoIterator<Item = String>) {
        for (place, text) in texts.into_iter().enumerate() {
            self.line(if place == 0 { label } else { "" }, text);
        }
    }

    fn map(&mut self, label: &'static str, map: &BTreeMap<String, String>) {
        self.list(
            label,
            map.iter().map(|(key, value)| format!("{key}={value}")),
        );
    }

    /// A command in exec form, as Dockerfiles write it.
    fn command(&mut self, label: &'static str, command: Option<&[String]>) {
        if let Some(command) = command {
            let parts = command.iter().map(|part| Value::from(part.as_str()));
            self.line(label, Value::Array(parts.collect()).to_string());
        }
    }

    fn document(&mut self, descriptor: &Descriptor, media_type: &str) {
        self.line("Digest", descriptor.digest.to_string());
        self.line("Media type", media_type);
        // Its name is the one above.
        let annotations = descriptor.annotations.iter();
        let annotations = annotations.filter(|(key, _)| !NAMES.contains(&key.as_str()));
        self.list(
            "Described as",
            annotations.map(|(key, value)| format!("{key}={value}")),
        );
    }

    fn image(&mut self, image: &InspectedImage) {
        self.optional("Artifact type", image.manifest.artifact_type());
        let subject = image.manifest.subject();
        self.optional("Subject", subject.map(|s| s.digest.to_string()).as_deref());
        self.map("Annotations", image.manifest.annotations());
        let platform = image.platform().map(|platform| platform.to_string());
        self.optional("Platform", platform.as_deref());
        self.line("Config", image.manifest.config().digest.to_string());
        let sizes = image.layers.iter().map(|layer| layer.descriptor.size);
        let bytes = sizes.fold(0_u64, u64::saturating_add);
        let layers = match image.layers.len() {
            1 => "1 layer".to_owned(),
            count => format!("{count} layers"),
        };
        self.line("Size", format!("{} in {layers}", size(bytes)));
        match &image.config {
            Some(config) => self.config(config),
            None => self.line("Config type", &image.manifest.config().media_type),
        }
    }

    fn config(&mut self, config: &Config) {
        self.optional("Created", config.created.as_deref());
        self.optional("Author", config.author.as_deref());
        let run = &config.config;
        self.optional("User", Some(&run.user));
        self.optional("Working dir", Some(&run.working_dir));
        self.command("Entrypoint", run.entrypoint.as_deref());
        self.command("Cmd", run.cmd.as_deref());
        if run.args_escaped {
            self.line("Args escaped", "true");
        }
        self.command(
            "Shell",
            Some(&run.shell[..]).filter(|shell| !shell.is_empty()),
        );
        self.list("Env", run.env.iter().cloned());
        self.list("Ports", run.exposed_ports.keys().cloned());
        self.list("Volumes", run.volumes.keys().cloned());
        self.map("Labels", &run.labels);
        self.optional("Stop signal", Some(&run.stop_signal));
        if let Some(seconds) = run.stop_timeout {
            self.line("Stop timeout", format!("{seconds} s"));
        }
        if let Some(health) = &run.healthcheck {
            self.command("Health check", Some(&health.test));
            let more = health.other.iter().filter(|(_, value)| !value.is_null());
            self.list("", more.map(|(key, value)| format!("{key}={value}")));
        }
        self.list("On build", run.on_build.iter().cloned());
    }

    fn write(&self, out: &mut Out) -> Result<(), Failure> {
        let width = self.0.iter().map(|(label, _)| label.len()).max();
        let width = width.unwrap_or(0) + 2;
        for (label, text) in &self.0 {
            let end = if label.is_empty() { "" } else { ":" };
            let label = format!("{label}{end}");
            let painted = Style::Bold.paint(&label, out.has_colours());
            let space = " ".repeat(width - label.len());
            let line = format!("{painted}{space}{}", visible(text));
            out.line(line.trim_end())?;
        }
        Ok(())
    }
}

/// How an index on disk names an image.
const NAMES: [&str; 2] = [
    "org.opencontainers.image.ref.name",
    "io.containerd.image.name",
];
