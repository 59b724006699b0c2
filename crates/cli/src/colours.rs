//! Whether colours are used: what the user wants, and what a terminal understands.

use crossdock_host::TerminalStream;

/// What the environment says of colours (<https://no-color.org>, <https://bixense.com/clicolors>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wishes {
    /// `NO_COLOR` is set.
    never: bool,
    /// `CLICOLOR_FORCE` is set, and not to 0.
    always: bool,
    /// `CLICOLOR=0`.
    not_here: bool,
    /// `TERM` does not say that the terminal is a simple one. Only on Windows it may be unset.
    has_terminal: bool,
}

impl Wishes {
    fn of_environment() -> Self {
        let is_off = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value == "0");
        Self {
            never: anstyle_query::no_color(),
            always: anstyle_query::clicolor_force() && !is_off,
            not_here: anstyle_query::clicolor() == Some(false),
            has_terminal: anstyle_query::term_supports_color(),
        }
    }

    /// Whether colours are used on a stream; `understands` asks the terminal behind it.
    fn answer(self, understands: impl FnOnce() -> bool) -> bool {
        match self {
            Self { never: true, .. } => false,
            Self { always: true, .. } => {
                // A console has to be told that sequences are coming, whatever it answers.
                understands();
                true
            }
            Self { not_here: true, .. } => false,
            Self { has_terminal, .. } => has_terminal && understands(),
        }
    }
}

/// Whether what is written to `stream` may have colours.
pub(crate) fn has_colours(stream: TerminalStream) -> bool {
    Wishes::of_environment().answer(|| stream.has_sequences())
}

/// Whether a picture can be drawn again and again on the terminal behind `stream`.
pub(crate) fn can_draw(stream: TerminalStream) -> bool {
    anstyle_query::term_supports_color() && stream.has_sequences()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let plain = Wishes {
            never: false,
            always: false,
            not_here: false,
            has_terminal: true,
        };
        let check = |wishes: Wishes, on_terminal: bool, elsewhere: bool| {
            assert_eq!(wishes.answer(|| true), on_terminal, "{wishes:?}");
            assert_eq!(wishes.answer(|| false), elsewhere, "{wishes:?}");
        };
        check(plain, true, false);
        let always = Wishes {
            always: true,
            ..plain
        };
        let never = Wishes {
            never: true,
            ..always
        };
        let not_here = Wishes {
            not_here: true,
            ..plain
        };
        let simple = Wishes {
            has_terminal: false,
            ..plain
        };
        check(always, true, true);
        check(never, false, false);
        check(not_here, false, false);
        check(simple, false, false);
        // What is forced stands above both.
        check(
            Wishes {
                always: true,
                ..not_here
            },
            true,
            true,
        );
    }
}
