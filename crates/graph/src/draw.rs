//! Graphs and targets as text, for people, plans and tests. The text is not a format: it may
//! change.

use std::fmt;

use crossdock_image::RemoteSource;

use crate::{Copy, CopySource, Graph, Mode, Operation, OperationId, Target};

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, step) in self.steps() {
            let location = &step.location;
            writeln!(
                f,
                "{id} [{} {}:{}] {} ({})",
                location.stage, location.file, location.line, step.operation, step.platform
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { source, .. } => write!(f, "image {source}"),
            Self::Scratch => f.write_str("scratch"),
            Self::Context { name } if name.is_empty() => f.write_str("context"),
            Self::Context { name } => write!(f, "context {name}"),
            Self::Download(download) => {
                write!(f, "download {} as {}", shown(&download.url), download.name)?;
                match &download.checksum {
                    Some(checksum) => write!(f, " checksum={checksum}"),
                    None => Ok(()),
                }
            }
            Self::Git(git) => {
                write!(f, "git {}", shown(&git.url))?;
                if git.keep_git_dir {
                    f.write_str(" keep-git-dir")?;
                }
                match &git.checksum {
                    Some(checksum) => write!(f, " checksum={checksum}"),
                    None => Ok(()),
                }
            }
            Self::Copy(copy) => copy.fmt(f),
            Self::MakeDirectory { base, path, owner } => {
                write!(f, "mkdir {base}:{path}")?;
                match owner {
                    Some(owner) => write!(f, " owner={owner}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// An address without what may be secret in it.
fn shown(url: &str) -> String {
    match RemoteSource::parse_context(url) {
        Some(Ok(source)) => source.to_string(),
        _ => "(an address that cannot be read)".to_owned(),
    }
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("copy")?;
        for source in &self.sources {
            source.fmt(f)?;
        }
        write!(f, " to {}:{}", self.base, self.destination)?;
        if self.into_directory {
            f.write_str(" (directory)")?;
        }
        if let Some(owner) = &self.owner {
            write!(f, " owner={owner}")?;
        }
        match &self.mode {
            Some(Mode::Octal(bits)) => write!(f, " mode={bits:04o}")?,
            Some(Mode::Symbolic(text)) => write!(f, " mode={text}")?,
            None => {}
        }
        let marks = [(self.link, " link"), (self.parents, " parents")];
        for (_, mark) in marks.iter().filter(|(given, _)| *given) {
            f.write_str(mark)?;
        }
        for pattern in &self.exclude {
            write!(f, " exclude={pattern}")?;
        }
        Ok(())
    }
}

impl fmt::Display for CopySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree {
                tree,
                paths,
                unpack,
            } => {
                for source in paths {
                    write!(f, " {tree}:{}", source.path)?;
                    if source.wildcard {
                        f.write_str(" (wildcard)")?;
                    }
                    if source.pivot != 0 {
                        write!(f, " (pivot {})", source.pivot)?;
                    }
                    if *unpack {
                        f.write_str(" (unpack)")?;
                    }
                }
            }
            Self::Inline(files) => {
                for file in files {
                    let content = String::from_utf8_lossy(&file.content);
                    write!(f, " {}={content:?}", file.name)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "image of {} for {}", self.tree, self.platform)?;
        for record in &self.base_history {
            writeln!(f, "base history: {}", record.created_by)?;
        }
        for record in &self.history {
            write!(f, "history: {}", record.created_by)?;
            match record.operation {
                Some(operation) => writeln!(f, " [{operation}]")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
