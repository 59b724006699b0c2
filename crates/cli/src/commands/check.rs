//! `crossdock check`.

use std::path::Path;

use base64::Engine as _;
use crossdock_build::{
    Audit, AuditLevel, AuditOptions, AuditRule, Finding, FindingGroup, RuleChoice, audit,
};
use serde::Serialize;

use crate::arguments::Check;
use crate::failure::Failure;
use crate::image::image_source;
use crate::out::{Format, Out};
use crate::progress::visible;
use crate::table::{Cell, Column, Style, Table};

/// Findings of a rule that are listed without `-v`.
const FIRST: usize = 10;

pub(crate) fn run(root: Option<&Path>, arguments: &Check) -> Result<(), Failure> {
    let format = arguments.format.format;
    if arguments.rules {
        return list_rules(format);
    }
    let options = AuditOptions {
        rules: RuleChoice {
            level: arguments.level,
            only: arguments.only.clone(),
            skip: arguments.skip.clone(),
        },
        skip_blobs: arguments.no_blobs,
        all_programs: arguments.all,
        for_windows: arguments.for_system.is_some(),
    };
    let choice = arguments.options.choice()?;
    let mut failed = false;
    arguments.options.with_images(root, |images| {
        for (place, image) in arguments.images.iter().enumerate() {
            let opened = images.open(&image_source(image)?, &choice);
            let opened = opened.map_err(Failure::browse)?;
            let found = audit(&opened, &options).map_err(Failure::browse)?;
            failed |= found.count(AuditLevel::Error) > 0
                || arguments.strict && found.count(AuditLevel::Warning) > 0;
            let mut out = Out::new();
            match format {
                Format::Json => print_json(&found, &mut out)?,
                Format::Table => {
                    if place > 0 {
                        out.line("")?;
                    }
                    print_text(&found, arguments.verbose, &mut out)?;
                }
            }
            out.finish()?;
        }
        Ok(())
    })?;
    match failed {
        true => Err(Failure::told()),
        false => Ok(()),
    }
}

fn style(level: AuditLevel) -> Style {
    match level {
        AuditLevel::Error => Style::Error,
        AuditLevel::Warning => Style::Warning,
        AuditLevel::Note => Style::Faint,
    }
}

fn print_text(found: &Audit, verbose: bool, out: &mut Out) -> Result<(), Failure> {
    let colours = out.has_colours();
    let title = visible(&format!("{} for {}", found.image, found.platform));
    out.line(&Style::Bold.paint(&title, colours))?;
    for group in &found.groups {
        print_group(group, verbose, out)?;
    }
    if !found.groups.is_empty() {
        out.line("")?;
    }
    for line in blobs(found) {
        out.line(&visible(&line))?;
    }
    if found.programs > 0 {
        out.line(&format!("programs: {} looked into", found.programs))?;
    }
    let count = |level: AuditLevel| {
        let number = found.count(level);
        let plural = if number == 1 { "" } else { "s" };
        let text = format!("{number} {}{plural}", level.name());
        let style = if number > 0 {
            style(level)
        } else {
            Style::Plain
        };
        style.paint(&text, colours)
    };
    let levels = [AuditLevel::Error, AuditLevel::Warning, AuditLevel::Note];
    out.line(&levels.map(count).join(", "))
}

fn print_group(group: &FindingGroup, verbose: bool, out: &mut Out) -> Result<(), Failure> {
    let colours = out.has_colours();
    let (rule, level) = (group.rule, group.rule.level());
    out.line("")?;
    out.line(&format!(
        "{} {} {}",
        style(level).paint(&format!("{}:", level.name()), colours),
        Style::Bold.paint(rule.name(), colours),
        rule.description()
    ))?;
    let shown = match verbose {
        true => group.findings.len(),
        false => group.findings.len().min(FIRST),
    };
    for finding in &group.findings[..shown] {
        out.line(&format!("  {}", line(finding)))?;
    }
    let more = group.count - shown as u64;
    if more > 0 {
        let advice = if verbose { "" } else { "; -v lists them" };
        out.line(&format!("  and {more} more{advice}"))?;
    }
    out.line(&format!("  -> {}", rule.advice()))
}

/// A finding as one line.
fn line(finding: &Finding) -> String {
    let mut parts = Vec::new();
    if let Some(layer) = finding.layer {
        parts.push(format!("layer {}", layer + 1));
    }
    if let Some(path) = &finding.path {
        parts.push(visible(&String::from_utf8_lossy(path)));
    }
    let message = visible(&finding.message);
    match parts.is_empty() {
        true => message,
        false => format!("{}: {message}", parts.join(" ")),
    }
}

/// Where the blobs were read, and how many of them are right.
fn blobs(found: &Audit) -> Vec<String> {
    let mut places: Vec<(&str, usize, usize)> = Vec::new();
    for blob in &found.blobs {
        match places.iter_mut().find(|(place, ..)| *place == blob.place) {
            Some((_, right, all)) => {
                *right += usize::from(blob.holds);
                *all += 1;
            }
            None => places.push((&blob.place, usize::from(blob.holds), 1)),
        }
    }
    let lines = places
        .into_iter()
        .map(|(place, right, all)| match right == all {
            true => format!("digests: all {all} blobs in {place} hold"),
            false => format!("digests: {right} of {all} blobs in {place} hold"),
        });
    lines.collect()
}

/// A finding in JSON.
#[derive(Serialize)]
struct Row<'a> {
    image: &'a str,
    platform: String,
    rule: &'static str,
    level: &'static str,
    /// From 1, as it is shown.
    layer: Option<usize>,
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    message: &'a str,
}

fn print_json(found: &Audit, out: &mut Out) -> Result<(), Failure> {
    for finding in found.groups.iter().flat_map(|group| &group.findings) {
        let path = finding.path.as_deref();
        let bytes = path.filter(|path| std::str::from_utf8(path).is_err());
        out.json(&Row {
            image: &found.image,
            platform: found.platform.to_string(),
            rule: finding.rule.name(),
            level: finding.rule.level().name(),
            layer: finding.layer.map(|layer| layer + 1),
            path: path.map(|path| String::from_utf8_lossy(path).into_owned()),
            path_base64: bytes.map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes)),
            message: &finding.message,
        })?;
    }
    Ok(())
}

/// A rule in JSON.
#[derive(Serialize)]
struct RuleRow {
    rule: &'static str,
    level: &'static str,
    description: &'static str,
    advice: &'static str,
}

fn list_rules(format: Format) -> Result<(), Failure> {
    let mut out = Out::new();
    let columns = [
        Column::left("RULE"),
        Column::left("LEVEL"),
        Column::flexible("WHAT IS FOUND"),
    ];
    let mut table = Table::new(&columns);
    for rule in AuditRule::ALL {
        match format {
            Format::Json => out.json(&RuleRow {
                rule: rule.name(),
                level: rule.level().name(),
                description: rule.description(),
                advice: rule.advice(),
            })?,
            Format::Table => table.row([
                Cell::from(rule.name()),
                Cell::new(rule.level().name(), style(rule.level())),
                Cell::from(rule.description()),
            ]),
        }
    }
    if format == Format::Table {
        table.write(&mut out)?;
    }
    out.finish()
}
