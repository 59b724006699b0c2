//! `crossdock-validator`: checks layers in files, and all layers of an image in an OCI layout.

mod layout;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crossdock_validator::{
    EXPORT_TOLERATED, LayerRole, Parents, Problem, Report, Rule, validate_layer,
    validate_linux_layer,
};

/// Checks container layers against the rules of their importers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check layers in files, plain, gzip or zstd; several are one image, lowest first.
    Layer {
        /// The system of the image.
        #[arg(long, default_value = "windows")]
        os: Os,
        #[command(flatten)]
        scope: Scope,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Check blobs, diff ids and layers of an image in an OCI layout.
    Layout {
        dir: PathBuf,
        #[command(flatten)]
        choice: layout::Choice,
        #[command(flatten)]
        scope: Scope,
    },
    /// List the rules.
    Rules,
}

#[derive(Args)]
struct Scope {
    /// Read the lowest N layers, but do not judge them.
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: usize,
    /// Do not count breaches of a rule.
    #[arg(long, value_name = "RULE")]
    tolerate: Vec<String>,
    /// Do not count breaches of the rules that Windows' own exports break.
    #[arg(long)]
    tolerate_exports: bool,
}

impl Scope {
    fn tolerates(&self, problem: &Problem) -> bool {
        self.tolerate.iter().any(|name| name == problem.rule.name())
            || self.tolerate_exports && EXPORT_TOLERATED.contains(&problem.rule)
    }
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Os {
    Windows,
    Linux,
}

/// Layers of one image, checked lowest first.
struct Stack<'a> {
    os: Os,
    scope: &'a Scope,
    parents: Parents,
    count: usize,
    problems: usize,
}

impl<'a> Stack<'a> {
    fn new(os: Os, scope: &'a Scope) -> Stack<'a> {
        Stack {
            os,
            scope,
            parents: Parents::new(),
            count: 0,
            problems: 0,
        }
    }

    fn layer(&mut self, name: &str, input: impl Read) {
        let report = match self.os {
            Os::Linux => validate_linux_layer(input),
            Os::Windows if self.count == 0 => validate_layer(input, LayerRole::Base),
            Os::Windows => validate_layer(input, LayerRole::Child(&self.parents)),
        };
        if self.count >= self.scope.skip {
            self.say(name, &report);
        }
        if self.os == Os::Windows {
            self.parents.push(&report);
        }
        self.count += 1;
    }

    fn say(&mut self, name: &str, report: &Report) {
        let mut shown = 0;
        for problem in report.problems.iter().filter(|p| !self.scope.tolerates(p)) {
            shown += 1;
            if shown <= 50 {
                println!("{name}: {problem}");
            }
        }
        if shown > 50 {
            println!("{name}: and {} more", shown - 50);
        }
        self.problems += shown;
        println!("{name}: {} entries, {shown} problems", report.entries.len());
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("crossdock-validator: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<usize, String> {
    match command {
        Command::Rules => {
            Rule::ALL.iter().for_each(|rule| println!("{rule}"));
            Ok(0)
        }
        Command::Layer { os, scope, files } => {
            known(scope)?;
            let mut stack = Stack::new(*os, scope);
            for path in files {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
                let input = decompress(file).map_err(|error| format!("{name}: {error}"))?;
                stack.layer(&name, input);
            }
            Ok(stack.problems)
        }
        Command::Layout { dir, choice, scope } => {
            known(scope)?;
            layout::check(dir, choice, scope)
        }
    }
}

fn known(scope: &Scope) -> Result<(), String> {
    match scope
        .tolerate
        .iter()
        .find(|name| Rule::ALL.iter().all(|rule| rule.name() != *name))
    {
        Some(name) => Err(format!("no rule is called {name:?}")),
        None => Ok(()),
    }
}

/// The plain bytes of a plain, gzip or zstd stream.
fn decompress(input: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::new(input);
    let mut magic = Vec::new();
    input.by_ref().take(4).read_to_end(&mut magic)?;
    let zipped = magic.starts_with(&[0x1f, 0x8b]);
    let zstandard = magic == [0x28, 0xb5, 0x2f, 0xfd];
    let input = io::Cursor::new(magic).chain(input);
    Ok(if zipped {
        Box::new(flate2::read::MultiGzDecoder::new(input))
    } else if zstandard {
        Box::new(zstd::Decoder::new(input)?)
    } else {
        Box::new(input)
    })
}
