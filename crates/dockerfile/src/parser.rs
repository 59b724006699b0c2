//! From bytes to instructions.

use crate::arguments;
use crate::diagnostic::Diagnostic;
use crate::directive::{DirectiveReader, Directives, Escape};
use crate::heredoc::{Heredoc, Opening, openings, strip_tabs};
use crate::instruction::{Instruction, InstructionKind};
use crate::logical::{Logical, Word};
use crate::parse_error::{ParseError, ParseReason};
use crate::rule::Rule;
use crate::span::{Source, Span};

/// A parsed Dockerfile: instructions with their places, nothing expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    source: Source,
    directives: Directives,
    instructions: Vec<Instruction>,
    lines: Vec<Line>,
    warnings: Vec<Diagnostic>,
}

/// A physical line. The lines of a Dockerfile tile its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The line with its ending.
    pub span: Span,
    /// What it is.
    pub role: LineRole,
}

/// What a physical line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineRole {
    /// Nothing but white space.
    Blank,
    /// A comment, also inside a continued instruction.
    Comment,
    /// A parser directive.
    Directive,
    /// Part of the instruction of this index.
    Instruction(usize),
    /// Content of a here-document of the instruction of this index.
    Heredoc(usize),
    /// The line that ends a here-document of the instruction of this index.
    HeredocEnd(usize),
}

impl Dockerfile {
    /// Parses a whole file; `name` is what messages call it.
    ///
    /// Comments and here-documents may hold any bytes, instructions must be UTF-8.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ParseError> {
        let file = Self::parse_instructions(name, bytes)?;
        let first = file
            .instructions
            .iter()
            .find(|instruction| !matches!(instruction.kind, InstructionKind::Arg(_)));
        match first {
            Some(instruction) if !matches!(instruction.kind, InstructionKind::From(_)) => {
                Err(ParseError {
                    span: instruction.statement,
                    reason: ParseReason::BeforeFrom {
                        instruction: instruction.kind.keyword(),
                    },
                })
            }
            _ => Ok(file),
        }
    }

    /// Parses an ONBUILD trigger as an image config stores it: exactly one instruction.
    pub(crate) fn parse_trigger(text: &str) -> Result<Instruction, ParseError> {
        let file = Self::parse_instructions("ONBUILD", text.as_bytes())?;
        let mut instructions = file.instructions;
        let (Some(instruction), true) = (instructions.pop(), instructions.is_empty()) else {
            return Err(ParseError {
                span: Span::new(0, text.len()),
                reason: ParseReason::NotOneInstruction,
            });
        };
        arguments::check_trigger(&instruction)?;
        Ok(instruction)
    }

    fn parse_instructions(name: &str, bytes: &[u8]) -> Result<Self, ParseError> {
        let mut parser = Parser {
            bytes,
            at: 0,
            reader: DirectiveReader::default(),
            comments: Vec::new(),
            instructions: Vec::new(),
            lines: Vec::new(),
            warnings: Vec::new(),
        };
        while parser.at < bytes.len() {
            parser.line()?;
        }
        if parser.instructions.is_empty() {
            return Err(ParseError {
                span: Span::new(bytes.len(), bytes.len()),
                reason: ParseReason::Empty,
            });
        }
        Ok(Self {
            source: Source::new(name, bytes),
            directives: parser.reader.directives,
            instructions: parser.instructions,
            lines: parser.lines,
            warnings: parser.warnings,
        })
    }

    /// The file itself.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the parser directives say.
    pub fn directives(&self) -> &Directives {
        &self.directives
    }

    /// The instructions in order.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The physical lines, which tile the source.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the parser found odd, whatever stage it is in.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    reader: DirectiveReader,
    /// The comments since the last instruction or empty comment.
    comments: Vec<String>,
    instructions: Vec<Instruction>,
    lines: Vec<Line>,
    warnings: Vec<Diagnostic>,
}

/// A line of this many bytes, without its newline, is too long.
const LONGEST_LINE: usize = 64 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'a> Parser<'a> {
    /// Takes the next physical line and returns it without its ending.
    ///
    /// A line that BuildKit's scanner does not take (bufio.MaxScanTokenSize) is an error.
    fn next_line(&mut self, role: LineRole) -> Result<Span, ParseError> {
        let rest = &self.bytes[self.at..];
        let newline = rest.iter().position(|b| *b == b'\n');
        let length = newline.map_or(rest.len(), |at| at + 1);
        let whole = Span::new(self.at, self.at + length);
        if length - usize::from(newline.is_some()) >= LONGEST_LINE {
            return Err(ParseError {
                span: Span::new(whole.start, whole.start),
                reason: ParseReason::LineTooLong {
                    limit: LONGEST_LINE - 1,
                },
            });
        }
        self.at = whole.end;
        self.lines.push(Line { span: whole, role });
        let ending = self.bytes[whole.range()]
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        Ok(Span::new(whole.start, whole.end - ending))
    }

    fn set_role(&mut self, role: LineRole) {
        if let Some(line) = self.lines.last_mut() {
            line.role = role;
        }
    }

    fn text(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.range()]
    }

    fn utf8(&self, span: Span) -> Result<&'a str, ParseError> {
        std::str::from_utf8(self.text(span)).map_err(|error| {
            let start = span.start + error.valid_up_to();
            let length = error.error_len().unwrap_or(1);
            ParseError {
                span: Span::new(start, start + length),
                reason: ParseReason::NotUtf8,
            }
        })
    }

    fn escape(&self) -> Escape {
        self.reader.directives.escape
    }

    /// Takes a line outside instructions: a blank, a comment, a directive, or the first line of
    /// an instruction with everything that belongs to it.
    fn line(&mut self) -> Result<(), ParseError> {
        let mut line = self.next_line(LineRole::Blank)?;
        if line.start == 0 && self.text(line).starts_with(BYTE_ORDER_MARK) {
            line.start += BYTE_ORDER_MARK.len();
        }
        if is_comment(self.text(line)) {
            // A directive is text; a comment may be anything.
            let directive = match std::str::from_utf8(self.text(line)) {
                Ok(text) => self.reader.line(text, line.start)?,
                Err(_) => self.reader.line("", line.start)?,
            };
            self.set_role(match directive {
                true => LineRole::Directive,
                false => LineRole::Comment,
            });
            if !directive {
                self.comment(line);
            }
            return Ok(());
        }
        self.reader.line("", line.start)?;
        let text = self.utf8(line)?;
        let start = line.start + (text.len() - text.trim_start().len());
        if start == line.end {
            return Ok(());
        }
        self.instruction(Span::new(start, line.end))
    }

    /// Keeps a comment for the next instruction. An empty one drops those before it, an empty line
    /// does not (BuildKit's parser.Parse).
    fn comment(&mut self, line: Span) {
        let text = String::from_utf8_lossy(&self.text(line)[1..]);
        match text.trim() {
            "" => self.comments.clear(),
            comment => self.comments.push(comment.to_owned()),
        }
    }

    /// Joins the lines of an instruction whose first line is `line`.
    fn instruction(&mut self, line: Span) -> Result<(), ParseError> {
        let index = self.instructions.len();
        self.set_role(LineRole::Instruction(index));
        let mut logical = Logical::new(line.start);
        let mut end = line.end;
        let mut continued = self.join(&mut logical, line)?;
        let mut backslash = continued.then_some(line);
        let mut empty = false;
        while continued && self.at < self.bytes.len() {
            let line = self.next_line(LineRole::Instruction(index))?;
            let bytes = self.text(line);
            if is_comment(bytes) {
                self.set_role(LineRole::Comment);
                continue;
            }
            if std::str::from_utf8(bytes).is_ok_and(|text| text.trim().is_empty()) {
                self.set_role(LineRole::Blank);
                if !std::mem::replace(&mut empty, true) {
                    self.empty_continuation(line);
                }
                continue;
            }
            self.trailing_backslash(backslash, line)?;
            continued = self.join(&mut logical, line)?;
            backslash = continued.then_some(line);
            end = line.end;
        }
        self.finish(&logical, Span::new(line.start, end))
    }

    /// Appends a physical line to a logical one; whether the next line belongs to it too.
    fn join(&self, logical: &mut Logical, line: Span) -> Result<bool, ParseError> {
        let text = self.utf8(line)?;
        let kept = without_continuation(text, self.escape());
        logical.push(kept.unwrap_or(text), line.start);
        Ok(kept.is_some())
    }

    fn finish(&mut self, logical: &Logical, statement: Span) -> Result<(), ParseError> {
        let line = logical.whole().trim();
        let opened = match arguments::takes_heredocs(line, self.escape()) {
            true => openings(line.text()),
            false => Vec::new(),
        };
        let mut heredocs = Vec::with_capacity(opened.len());
        let mut end = statement.end;
        for opening in &opened {
            let place = line.part(opening.start, opening.end).span();
            let (heredoc, last) = self.heredoc(opening, place)?;
            heredocs.push(heredoc);
            end = last;
        }
        let (keyword, kind) = arguments::parse(line, self.escape(), &opened, &heredocs)?;
        self.check(&keyword, &kind, statement);
        self.check_description(&kind, statement);
        self.instructions.push(Instruction {
            span: Span::new(statement.start, end),
            statement,
            keyword,
            text: line.text().to_owned(),
            kind,
            heredocs,
            comments: std::mem::take(&mut self.comments),
        });
        Ok(())
    }

    /// Takes the lines of a here-document up to its end; also the end of its last line.
    fn heredoc(&mut self, opening: &Opening, place: Span) -> Result<(Heredoc, usize), ParseError> {
        let index = self.instructions.len();
        let start = self.at;
        while self.at < self.bytes.len() {
            let end = self.at;
            let line = self.next_line(LineRole::Heredoc(index))?;
            let mut text = self.text(line);
            while opening.strip_tabs && text.first() == Some(&b'\t') {
                text = &text[1..];
            }
            if text != opening.name.as_bytes() {
                continue;
            }
            self.set_role(LineRole::HeredocEnd(index));
            let body = Span::new(start, end);
            let content = match opening.strip_tabs {
                true => strip_tabs(self.text(body)),
                false => self.text(body).to_vec(),
            };
            let heredoc = Heredoc {
                name: Word {
                    text: opening.name.clone(),
                    span: place,
                },
                descriptor: opening.descriptor,
                written: self.text(body).to_vec(),
                strip_tabs: opening.strip_tabs,
                expand: opening.expand,
                content,
                body,
            };
            return Ok((heredoc, line.end));
        }
        Err(ParseError {
            span: place,
            reason: ParseReason::UnterminatedHeredoc {
                name: opening.name.clone(),
            },
        })
    }

    fn empty_continuation(&mut self, line: Span) {
        self.warnings.push(
            Diagnostic::warning(
                Rule::NoEmptyContinuation,
                line,
                "Empty continuation line".to_owned(),
            )
            .with_help("remove it, or make it a comment"),
        );
    }

    /// A line such as `COPY a C:\` swallows the instruction after it.
    fn trailing_backslash(&mut self, line: Option<Span>, next: Span) -> Result<(), ParseError> {
        let Some(line) = line else { return Ok(()) };
        if self.escape() != Escape::Backslash {
            return Ok(());
        }
        let text = self.utf8(line)?.trim_end();
        let last = text.split_whitespace().next_back().unwrap_or_default();
        let is_path =
            last.len() > 2 && (last[..last.len() - 1].contains('\\') || last.ends_with(":\\"));
        let next = self.utf8(next)?;
        let keyword = next.split_whitespace().next().unwrap_or_default();
        if is_path && arguments::is_keyword(keyword) {
            let end = line.start + text.len();
            self.warnings.push(
                Diagnostic::warning(
                    Rule::TrailingBackslash,
                    Span::new(end - last.len(), end),
                    format!(
                        "the backslash at the end continues the line, so {keyword} on the next \
                         line is not an instruction"
                    ),
                )
                .with_help(
                    "put # escape=` on the first line of the file, or write / instead of \\",
                ),
            );
        }
        Ok(())
    }

    /// Warns about a comment that seems to describe a stage or argument, and does not name it.
    fn check_description(&mut self, kind: &InstructionKind, statement: Span) {
        let Some((keyword, names)) = defined(kind) else {
            return;
        };
        let Some(comment) = self.comments.last() else {
            return;
        };
        let first = comment.split(' ').next().unwrap_or_default();
        if names.iter().any(|name| name == first) {
            return;
        }
        let example = match names.as_slice() {
            [name] => name,
            _ => "<arg_key>",
        };
        let message =
            format!("Comment for {keyword} should follow the format: `# {example} <description>`");
        let rule = Rule::InvalidDefinitionDescription;
        self.warnings
            .push(Diagnostic::warning(rule, statement, message));
    }

    fn check(&mut self, keyword: &Word, kind: &InstructionKind, statement: Span) {
        match kind {
            InstructionKind::Onbuild(onbuild) => {
                if let Err(error) = &onbuild.instruction {
                    let mut warning = Diagnostic::warning(
                        Rule::InvalidTrigger,
                        error.span,
                        format!("an image that is based on this one cannot be built: {error}"),
                    );
                    warning.help = error.diagnostic().help;
                    self.warnings.push(warning);
                }
            }
            InstructionKind::Maintainer(_) => self.warnings.push(
                Diagnostic::warning(
                    Rule::MaintainerDeprecated,
                    statement,
                    "Maintainer instruction is deprecated in favor of using label".to_owned(),
                )
                .with_help("use LABEL org.opencontainers.image.authors=\"…\""),
            ),
            InstructionKind::From(from) => {
                let Some(name) = &from.name else { return };
                if name.text.chars().any(char::is_uppercase) {
                    self.warnings.push(Diagnostic::warning(
                        Rule::StageNameCasing,
                        name.span,
                        format!("Stage name '{}' should be lowercase", name.text),
                    ));
                }
                let between = Span::new(from.image.span.end, name.span.start);
                let word = self.utf8(between).unwrap_or_default().trim();
                let lower = keyword.text.to_lowercase() == keyword.text;
                let upper = keyword.text.to_uppercase() == keyword.text;
                let differs = (lower && word.to_lowercase() != word)
                    || (upper && word.to_uppercase() != word);
                if differs && word.len() == 2 {
                    self.warnings.push(Diagnostic::warning(
                        Rule::FromAsCasing,
                        between,
                        format!(
                            "'{word}' and '{}' keywords' casing do not match",
                            keyword.text
                        ),
                    ));
                }
            }
            _ => {}
        }
    }
}

/// What an instruction defines, by its keyword: the stage of a `FROM`, the arguments of an `ARG`.
fn defined(kind: &InstructionKind) -> Option<(&'static str, Vec<String>)> {
    let names = match kind {
        InstructionKind::From(from) => vec![from.name.as_ref()?.text.to_lowercase()],
        InstructionKind::Arg(list) => list.iter().map(|arg| arg.name.text.clone()).collect(),
        _ => return None,
    };
    Some((kind.keyword(), names))
}

fn is_comment(line: &[u8]) -> bool {
    let text = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    text.trim_start().starts_with('#')
}

/// The line without the escape character that continues it; `None` if it is not continued. An
/// escape character before it takes its meaning away.
fn without_continuation(line: &str, escape: Escape) -> Option<&str> {
    let kept = line
        .trim_end_matches([' ', '\t'])
        .strip_suffix(escape.char())?;
    (!kept.ends_with(escape.char())).then_some(kept)
}
