//! Any bytes as a Dockerfile: parsing, lowering and looking never panic, the lines tile the file,
//! every message can be rendered, what can be built has no error when it is checked, and what
//! `--call` shows is JSON.
#![no_main]

use std::collections::BTreeMap;

use crossdock_dockerfile::{
    BaseConfig, BaseRequest, CheckReport, Dockerfile, IgnorePatterns, LowerError, Lowering,
    NamedContext, Options, Source, check_file, lower, outline, targets,
};
use crossdock_image::{Config, Platform};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let source = Source::new("Dockerfile", data);
    let file = match Dockerfile::parse("Dockerfile", data) {
        Ok(file) => file,
        Err(error) => {
            error.diagnostic().render(&source);
            show(&CheckReport::of_parse_error(&source, &error));
            return;
        }
    };
    let mut at = 0;
    for line in file.lines() {
        assert_eq!(line.span.start, at);
        assert!(line.span.end > at);
        at = line.span.end;
    }
    assert_eq!(at, data.len());
    for instruction in file.instructions() {
        assert!(instruction.span.end <= data.len());
        // The first line may be a lone continuation, and a keyword may go on in the next line.
        let keyword = instruction.keyword.span;
        assert!(instruction.span.start <= keyword.start);
        assert!(keyword.end <= instruction.statement.end);
    }
    let targets = targets(&file);
    parsed(&targets.to_json());
    targets.to_text();
    for platform in ["linux/amd64", "windows(10.0.20348)/amd64"] {
        let mut options = Options::new(platform.parse().expect("a platform"));
        build_and_look(&file, &options);
        options.ignore = IgnorePatterns::parse(b"a\n*.log").ok();
        options.contexts = [
            ("a", NamedContext::Files),
            ("b", NamedContext::Stage("c".to_owned())),
            ("c::linux/amd64", NamedContext::Stage("0".to_owned())),
            ("d", NamedContext::Image("e".parse().expect("an image"))),
        ]
        .map(|(name, context)| (name.to_owned(), context))
        .into();
        build_and_look(&file, &options);
    }
});

fn build_and_look(file: &Dockerfile, options: &Options) {
    let length = file.source().bytes().len();
    // The same stage for both: without a target all stages are checked.
    let mut options = options.clone();
    options.target = targets(file)
        .targets
        .len()
        .checked_sub(1)
        .map(|last| last.to_string());
    let mut bases = BTreeMap::new();
    let built = lower_all(file, &options, &mut bases);
    if let Err(error) = &built {
        assert!(error.span.end <= length);
        error.diagnostic().render(file.source());
    }
    let report = check_file(file, &options, &bases);
    show(&report);
    if built.is_ok() {
        assert_eq!(report.error, None, "it can be built");
        assert!(report.needs.is_empty());
    }
    options.target = None;
    // Nothing is known of any base.
    show(&check_file(file, &options, &BTreeMap::new()));
    if let Ok(outline) = outline(file, &options, &bases) {
        parsed(&outline.to_json());
        outline.to_text();
    }
}

fn show(report: &CheckReport) {
    for diagnostic in report.warnings.iter().chain(&report.error) {
        diagnostic.render(report.source());
    }
    parsed(&report.to_json());
    report.to_text();
}

fn parsed(text: &str) {
    serde_json::from_str::<serde_json::Value>(text).expect("JSON");
}

/// Gives every base image that is asked for a config.
fn lower_all(
    file: &Dockerfile,
    options: &Options,
    bases: &mut BTreeMap<BaseRequest, BaseConfig>,
) -> Result<(), LowerError> {
    loop {
        match lower(file, options, bases)? {
            Lowering::Needs(needs) => {
                assert!(!needs.is_empty());
                for request in needs {
                    let platform = request.platform.clone();
                    let config = config(&platform);
                    let answer = BaseConfig { config, platform };
                    assert!(bases.insert(request, answer).is_none(), "asked twice");
                }
            }
            Lowering::Done(plan) => {
                for warning in &plan.warnings {
                    warning.render(file.source());
                }
                plan.graph.step(plan.target.tree);
                assert!(!plan.graph.to_string().is_empty());
                return Ok(());
            }
        }
    }
}

fn config(platform: &Platform) -> Config {
    let mut config = Config {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        ..Config::default()
    };
    config.config.env = vec!["A=a/b*c".to_owned(), "Path=x".to_owned()];
    config.config.on_build = vec!["ARG B=$A".to_owned(), "COPY $B /c".to_owned()];
    config
}
