//! Any bytes as a Dockerfile: parsing and lowering never panic, the lines tile the file, and every
//! message can be rendered.
#![no_main]

use std::collections::BTreeMap;

use crossdock_dockerfile::{BaseConfig, Dockerfile, LowerError, Lowering, Options, Source, lower};
use crossdock_image::{Config, Platform};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let source = Source::new("Dockerfile", data);
    let file = match Dockerfile::parse("Dockerfile", data) {
        Ok(file) => file,
        Err(error) => {
            error.diagnostic().render(&source);
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
    for platform in ["linux/amd64", "windows(10.0.20348)/amd64"] {
        let options = Options::new(platform.parse().expect("a platform"));
        if let Err(error) = lower_all(&file, &options) {
            assert!(error.span.end <= data.len());
            error.diagnostic().render(&source);
        }
    }
});

/// Gives every base image that is asked for a config.
fn lower_all(file: &Dockerfile, options: &Options) -> Result<(), LowerError> {
    let mut bases = BTreeMap::new();
    loop {
        match lower(file, options, &bases)? {
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
