//! Variables by name.

/// Variables in the order in which they were first set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    entries: Vec<(String, String)>,
    fold_names: bool,
}

impl Environment {
    /// No variables. With `fold_names`, as on Windows, names are compared without regard to case.
    pub fn new(fold_names: bool) -> Self {
        Self {
            entries: Vec::new(),
            fold_names,
        }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.place(name).map(|place| self.entries[place].1.as_str())
    }

    /// Sets `name`; a variable that is there keeps its place and takes the new spelling.
    pub fn set(&mut self, name: &str, value: &str) {
        let entry = (name.to_owned(), value.to_owned());
        match self.place(name) {
            Some(place) => self.entries[place] = entry,
            None => self.entries.push(entry),
        }
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.entries.iter();
        entries.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `name=value` texts, as an image config holds them.
    pub fn to_config(&self) -> Vec<String> {
        let entries = self.entries.iter();
        entries
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// The variables of an image config; an entry without `=` has an empty value.
    pub fn from_config(entries: &[String], fold_names: bool) -> Self {
        let mut environment = Self::new(fold_names);
        for entry in entries {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            environment.set(name, value);
        }
        environment
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|(known, _)| match self.fold_names {
                true => known.eq_ignore_ascii_case(name),
                false => known == name,
            })
    }
}
