//! `crossdock logout`.

use crossdock_build::{Kept, erase_login};

use super::login::not_kept;
use crate::arguments::Logout;
use crate::failure::Failure;
use crate::out::Out;
use crate::progress::print;
use crate::registry::{environment, server_host};

pub(crate) fn run(arguments: &Logout) -> Result<(), Failure> {
    let host = server_host(&arguments.server)?;
    let erased = erase_login(&environment(), &host).map_err(not_kept)?;
    let mut out = Out::new();
    for kept in &erased.from {
        let place = match kept {
            Kept::File { path } => path.display().to_string(),
            Kept::Helper { program } => program.clone(),
        };
        out.line(&format!("Removed the login to {host} from {place}"))?;
    }
    if erased.from.is_empty() {
        out.line(&format!("Not logged in to {host}"))?;
    }
    out.finish()?;
    if let Some(path) = &erased.remaining {
        print(&format!(
            "warning: {} has credentials for {host} too, which are used from now on; podman \
             logout removes them\n",
            path.display()
        ));
    }
    Ok(())
}
