//! `WWW-Authenticate`: what a registry wants to see.
//!
//! Source: RFC 9110, 11.6.1; distribution, "Token Authentication Specification".

/// What a registry asks for, as far as this crate can answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password.
    Basic,
    /// A token from a server of tokens.
    Bearer {
        /// The server's address.
        realm: String,
        /// What to call the registry there.
        service: Option<String>,
        /// What the registry wants the token to be for.
        scope: Option<String>,
        /// Why the token that was sent is not enough.
        error: Option<String>,
    },
}

/// Reads the values of all `WWW-Authenticate` headers of an answer. Schemes that are not known,
/// and bearer challenges without a realm, are left out; what follows a syntax error in a value
/// too.
pub fn parse_challenges<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found = Vec::new();
    for value in values {
        let mut rest = value;
        while let Some((scheme, parameters, after)) = challenge(rest) {
            rest = after;
            let get = |name: &str| {
                let mut values = parameters.iter();
                values
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.clone())
            };
            if scheme.eq_ignore_ascii_case("basic") {
                found.push(Challenge::Basic);
            } else if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = get("realm")
            {
                found.push(Challenge::Bearer {
                    realm,
                    service: get("service").filter(|text| !text.is_empty()),
                    scope: get("scope").filter(|text| !text.is_empty()),
                    error: get("error").filter(|text| !text.is_empty()),
                });
            }
        }
    }
    found
}

type Parameters = Vec<(String, String)>;

/// Takes one challenge off: scheme, parameters, what follows.
fn challenge(text: &str) -> Option<(&str, Parameters, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (scheme, mut rest) = token(text)?;
    let mut parameters = Vec::new();
    loop {
        let before = rest;
        let text = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, after)) = token(text) else {
            // Nothing follows, or nothing that can be read: the rest is dropped.
            return Some((scheme, parameters, ""));
        };
        let Some(after) = after.trim_start_matches([' ', '\t']).strip_prefix('=') else {
            // A word alone begins the next challenge, except for Negotiate's and the like's
            // base64, which nobody here reads.
            return Some((scheme, parameters, before));
        };
        let after = after.trim_start_matches([' ', '\t']);
        if let Some((value, after)) = quoted(after).or_else(|| unquoted(after)) {
            parameters.push((name.to_owned(), value));
            rest = after;
        } else {
            // `token68` with padding: not a parameter.
            rest = after.trim_start_matches('=');
        }
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte));
    let (token, rest) = text.split_at(end.unwrap_or(text.len()));
    (!token.is_empty()).then_some((token, rest))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// An unquoted value. Some registries leave addresses unquoted, so it is not only a `token`.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let end = text.find([' ', '\t', ',', '"', '=']);
    let (value, rest) = text.split_at(end.unwrap_or(text.len()));
    (!value.is_empty()).then(|| (value.to_owned(), rest))
}

#[cfg(test)]
mod tests;
