//! `--call`: what there is to tell about a Dockerfile without building it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crossdock_build::{
    Builder, Event, Events, FoundDockerfile, Limits, Platform, local_ignore_patterns,
};
use crossdock_dockerfile::{
    BaseConfig, BaseRequest, CheckReport, Dockerfile, Options, Source, check_file, outline, targets,
};

use super::contexts::{Here, Places};
use super::result::write_answer;
use crate::arguments::{Build, Call, CallMethod};
use crate::commands::threads;
use crate::failure::Failure;
use crate::out::Out;
use crate::progress::Progress;
use crate::store::open_store;

/// What is looked at, and for what.
pub(super) struct Question<'a> {
    pub(super) root: Option<&'a Path>,
    pub(super) arguments: &'a Build,
    pub(super) call: Call,
    pub(super) places: Places,
    pub(super) options: Options,
    pub(super) platforms: Vec<Platform>,
    pub(super) limits: Limits,
}

/// Answers on standard output. A check that found something fails, without a message of its own.
pub(super) fn run(question: Question<'_>) -> Result<(), Failure> {
    let Question {
        root,
        arguments,
        call,
        places,
        mut options,
        platforms,
        limits,
    } = question;
    let progress = Progress::new(arguments.show.mode()?, "Looking")?;
    let events = |event: Event| progress.show(&event);
    let mut bases = Bases {
        root,
        arguments,
        events: &events,
        builder: OnceCell::new(),
        configs: BTreeMap::new(),
        missing: BTreeSet::new(),
    };
    let found = match places.here()? {
        Here::Found(folder, found) => {
            let ignore = local_ignore_patterns(&folder, &found.place);
            options.ignore = Some(ignore.map_err(|error| Failure::image(&error))?);
            found
        }
        Here::Elsewhere(places) => {
            let builder = bases.builder()?;
            let (context, found) = places.open(builder, &limits, arguments.no_cache)?;
            let ignore = builder.ignore_patterns(&context, &found.place);
            options.ignore = Some(ignore.map_err(|error| Failure::image(&error))?);
            found
        }
    };
    let answer = match call.method {
        CallMethod::Check => check(&found, &mut options, &platforms, &mut bases)?,
        CallMethod::Outline => {
            let file = parse(&found)?;
            options.platform.clone_from(&platforms[0]);
            Answer::of_outline(&file, &options, &mut bases)?
        }
        CallMethod::Targets | CallMethod::Build => {
            let targets = targets(&parse(&found)?);
            Answer {
                text: targets.to_text(),
                json: targets.to_json(),
                finding: Finding::Nothing,
            }
        }
    };
    progress.done();
    write_answer(arguments, &answer.json)?;
    let shown = match call.json {
        true => answer.json + "\n",
        false => answer.text,
    };
    let mut out = Out::new();
    out.bytes(shown.as_bytes())?;
    out.finish()?;
    match answer.finding {
        Finding::Nothing => Ok(()),
        Finding::Warnings if call.ignore_status => Ok(()),
        // As in buildx, what cannot be built is never passed over.
        Finding::Warnings | Finding::Error => Err(Failure::told()),
    }
}

/// An answer in both forms.
struct Answer {
    text: String,
    json: String,
    finding: Finding,
}

/// What counts for the exit code.
enum Finding {
    Nothing,
    Warnings,
    Error,
}

fn parse(found: &FoundDockerfile) -> Result<Dockerfile, Failure> {
    Dockerfile::parse(&found.name, &found.bytes).map_err(|error| {
        let source = Source::new(&found.name, &found.bytes);
        Failure::diagnostic(&error.diagnostic(), &source)
    })
}

/// Checks the Dockerfile for each platform: what is odd for one of them is told once.
fn check(
    found: &FoundDockerfile,
    options: &mut Options,
    platforms: &[Platform],
    bases: &mut Bases<'_>,
) -> Result<Answer, Failure> {
    let mut whole: Option<CheckReport> = None;
    match Dockerfile::parse(&found.name, &found.bytes) {
        Err(error) => {
            let source = Source::new(&found.name, &found.bytes);
            whole = Some(CheckReport::of_parse_error(&source, &error));
        }
        Ok(file) => {
            for platform in platforms {
                options.platform.clone_from(platform);
                let report = bases.complete(|configs| {
                    let report = check_file(&file, options, configs);
                    (report.needs.clone(), report)
                });
                match &mut whole {
                    None => whole = Some(report),
                    Some(whole) => merge(whole, report),
                }
            }
        }
    }
    let report = whole.expect("there is a platform");
    Ok(Answer {
        text: report.to_text(),
        json: report.to_json(),
        finding: match (&report.error, report.is_clean()) {
            (Some(_), _) => Finding::Error,
            (None, true) => Finding::Nothing,
            (None, false) => Finding::Warnings,
        },
    })
}

/// Adds what another platform's report has to say, in the order of the file.
fn merge(whole: &mut CheckReport, other: CheckReport) {
    for warning in other.warnings {
        if !whole.warnings.contains(&warning) {
            whole.warnings.push(warning);
        }
    }
    whole
        .warnings
        .sort_by_key(|warning| warning.span.map(|span| span.start));
    if whole.error.is_none() {
        whole.error = other.error;
    }
}

impl Answer {
    fn of_outline(
        file: &Dockerfile,
        options: &Options,
        bases: &mut Bases<'_>,
    ) -> Result<Self, Failure> {
        let outlined = bases.complete(|configs| {
            let outlined = outline(file, options, configs);
            let needs = outlined.as_ref().map(|outline| outline.needs.clone());
            (needs.unwrap_or_default(), outlined)
        });
        let outline =
            outlined.map_err(|error| Failure::diagnostic(&error.diagnostic(), file.source()))?;
        Ok(Self {
            text: outline.to_text(),
            json: outline.to_json(),
            finding: Finding::Nothing,
        })
    }
}

/// Base images that are asked for. The store is opened when the first one is.
struct Bases<'a> {
    root: Option<&'a Path>,
    arguments: &'a Build,
    events: Events<'a>,
    builder: OnceCell<Builder<'a>>,
    configs: BTreeMap<BaseRequest, BaseConfig>,
    /// Those that cannot be had.
    missing: BTreeSet<BaseRequest>,
}

impl<'a> Bases<'a> {
    /// Looks again and again, until all bases are known that can be had. What cannot be had is told
    /// and keeps nothing else from being found.
    fn complete<T>(
        &mut self,
        look: impl Fn(&BTreeMap<BaseRequest, BaseConfig>) -> (BTreeSet<BaseRequest>, T),
    ) -> T {
        loop {
            let (needs, seen) = look(&self.configs);
            let known = |need: &BaseRequest| self.configs.contains_key(need);
            let needs: BTreeSet<BaseRequest> = needs
                .into_iter()
                .filter(|need| !self.missing.contains(need) && !known(need))
                .collect();
            if needs.is_empty() {
                return seen;
            }
            if let Err(failure) = self.find(needs.clone()) {
                self.warn(failure.text().trim_start_matches("error: ").trim_end());
                self.missing.extend(needs);
            }
        }
    }

    fn find(&mut self, needs: BTreeSet<BaseRequest>) -> Result<(), Failure> {
        let pull = self.arguments.pull;
        let found = self.builder()?.base_configs(needs, Path::new("."), pull);
        for (request, config) in found {
            match config {
                Ok(config) => {
                    self.configs.insert(request, config);
                }
                Err(error) => {
                    self.warn(&format!("{error}"));
                    self.missing.insert(request);
                }
            }
        }
        Ok(())
    }

    fn warn(&self, reason: &str) {
        let text = format!("{reason}; without this image some checks are left out");
        (self.events)(Event::Warning { text });
    }

    fn builder(&self) -> Result<&Builder<'a>, Failure> {
        if let Some(builder) = self.builder.get() {
            return Ok(builder);
        }
        let registry = self.arguments.registry.registry()?;
        let store = open_store(self.root)?;
        let builder = Builder::new(store, registry, threads(), self.events);
        Ok(self.builder.get_or_init(|| builder))
    }
}
