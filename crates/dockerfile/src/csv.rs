//! One line of comma-separated values, as Go's `encoding/csv` reads it: flags of `RUN`, and options
//! of docker's command line.

/// The fields of one line of comma-separated values, as Go's `encoding/csv` reads them: quotes stand
/// around a whole field, or doubled in one that has them. The error says what is wrong.
pub fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    const QUOTE: &str = "a quote stands neither around a whole value nor doubled";
    let mut fields = Vec::new();
    let mut rest = line;
    if rest.is_empty() {
        return Err("it is empty");
    }
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = match rest.split_once(',') {
                Some((field, after)) => (field, Some(after)),
                None => (rest, None),
            };
            if field.contains('"') {
                return Err(QUOTE);
            }
            fields.push(field.to_owned());
            match after {
                Some(after) => rest = after,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        let mut inside = quoted;
        loop {
            let (text, after) = inside.split_once('"').ok_or("a quote is not closed")?;
            field.push_str(text);
            match after.strip_prefix('"') {
                Some(after) => {
                    field.push('"');
                    inside = after;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(fields),
            None => return Err(QUOTE),
        }
    }
}
