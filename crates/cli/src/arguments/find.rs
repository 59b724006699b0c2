//! `crossdock find`.

use std::ffi::OsString;

use clap::{Args, CommandFactory as _};

use super::Arguments;
use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Search an image for files
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock find debian:12 -name '*.so*' -type f
  crossdock find debian:12 /usr /etc -size +1M -ls
  crossdock find debian:12 -type f -perm /6000
  crossdock find debian:12 /etc -newer /etc/debian_version ! -user root
  crossdock find app C:\\Windows -iname '*.dll' -attr h
  crossdock find app '(' -name '*.pdb' -o -size +100M ')' -layer 3 --format json

Tests, as those of find(1); two dashes are taken too. Between two tests without -o both must hold.
  -name -iname PATTERN     the name; *, ?, [a-z], [!a]
  -path -ipath PATTERN     the whole path; * takes separators too
  -type f,d,l,b,c,p        file, directory, link, block or character device, pipe
  -size [+-]N[cwkMG]       size in units, rounded up; without a unit in blocks of 512 bytes
  -empty                   files without bytes, directories with nothing in them
  -newer PATH              changed later than this path of the image
  -newermt DATE            changed later than a time: 2026-11-24, \"2026-11-24 18:40\", in UTC
  -perm MODE|-MODE|/MODE   the mode is this; has all these bits; has one of them
  -user -group NAME        owner, group: name or number; in a Windows image name or SID
  -uid -gid [+-]N          their numbers
  -links [+-]N             how many names the file has
  -layer [+-]N             the layer that the entry comes from; the lowest is 1
  -attr LETTERS            Windows attributes, all of them: d a r h s l, t temporary, p sparse,
                           c compressed, o offline, i not indexed, e encrypted
  -true -false             always, never
  ! -not  -a -and  -o -or  ( )
Where: -maxdepth N, -mindepth N. How it is printed, at the end: -print, -print0, -ls.

In a Windows image case does not count and \\ is a separator.

{IMAGES}"))]
pub(crate) struct Find {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Where to search in the image [default: everywhere], and what must hold
    #[arg(
        value_name = "PATH... TEST...",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) search: Vec<String>,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}

/// The command line as clap can read it: behind `find` all long options that are not tests come
/// first, as clap takes what follows the image for the search.
pub(crate) fn with_options_first(line: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let line: Vec<OsString> = line.into_iter().collect();
    let command = Arguments::command();
    let Some(start) = subcommand(&command, &line).filter(|&at| line[at] == "find") else {
        return line;
    };
    let Some(find) = command.find_subcommand("find") else {
        return line;
    };
    let mut before: Vec<OsString> = line[..=start].to_vec();
    let mut behind = Vec::new();
    let mut rest = line.into_iter().skip(start + 1);
    while let Some(word) = rest.next() {
        if word == "--" {
            behind.push(word);
            break;
        }
        let takes_value = [find, &command]
            .iter()
            .find_map(|command| takes_value(command, &word));
        match takes_value {
            None => behind.push(word),
            Some(takes_value) => {
                before.push(word);
                if takes_value {
                    before.extend(rest.next());
                }
            }
        }
    }
    before.extend(behind);
    before.extend(rest);
    before
}

/// Where the subcommand stands.
fn subcommand(command: &clap::Command, line: &[OsString]) -> Option<usize> {
    let mut at = 1;
    loop {
        let word = line.get(at)?;
        match takes_value(command, word) {
            Some(takes_value) => at += 1 + usize::from(takes_value),
            None => return Some(at),
        }
    }
}

/// Whether a word is a long option of `command`, and then whether its value is the next word.
fn takes_value(command: &clap::Command, word: &OsString) -> Option<bool> {
    let text = word.to_str()?.strip_prefix("--")?;
    let (name, has_value) = match text.split_once('=') {
        Some((name, _)) => (name, true),
        None => (text, false),
    };
    if name == "help" {
        return Some(false);
    }
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name))?;
    Some(!has_value && argument.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_first() {
        let check = |line: &str, expected: &str| {
            let words = line.split(' ').map(OsString::from);
            let found: Vec<String> = with_options_first(words)
                .into_iter()
                .map(|word| word.into_string().unwrap())
                .collect();
            assert_eq!(found.join(" "), expected, "{line}");
        };
        check(
            "crossdock find app / -name x --format json",
            "crossdock find --format json app / -name x",
        );
        check(
            "crossdock --root find find app --platform=linux/arm64 --name x --pull --root y",
            "crossdock --root find find --platform=linux/arm64 --pull --root y app --name x",
        );
        // Behind this nothing is an option.
        check(
            "crossdock find app -- --format json",
            "crossdock find app -- --format json",
        );
        check(
            "crossdock ls app --format json",
            "crossdock ls app --format json",
        );
        check("crossdock", "crossdock");
        check("crossdock find", "crossdock find");
        check("crossdock find app --help", "crossdock find --help app");
        check("crossdock find app --format", "crossdock find --format app");
    }
}
