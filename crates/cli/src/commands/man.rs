//! `crossdock man`.

use std::fs;

use crate::arguments::ShowManual;
use crate::failure::Failure;
use crate::manual::pages;
use crate::out::Out;

pub(crate) fn run(arguments: &ShowManual) -> Result<(), Failure> {
    let pages = pages().map_err(Failure::system)?;
    let mut out = Out::new();
    if let Some(folder) = &arguments.out {
        let failed = |error| Failure::system(format!("{}: {error}", folder.display()));
        fs::create_dir_all(folder).map_err(failed)?;
        for page in &pages {
            let path = folder.join(format!("{}.1", page.name));
            fs::write(&path, &page.text)
                .map_err(|error| Failure::system(format!("{}: {error}", path.display())))?;
        }
        return out.finish();
    }
    let wanted = match &arguments.command {
        None => "crossdock".to_owned(),
        Some(name) => format!("crossdock-{name}"),
    };
    let Some(page) = pages.iter().find(|page| page.name == wanted) else {
        let known: Vec<&str> = pages
            .iter()
            .filter_map(|page| page.name.strip_prefix("crossdock-"))
            .collect();
        return Err(Failure::input(format!(
            "there is no page {wanted}; there are pages of {}",
            known.join(", ")
        )));
    };
    out.bytes(&page.text)?;
    out.finish()
}
