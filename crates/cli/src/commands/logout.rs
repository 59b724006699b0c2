//! `crossdock logout`.

use crossdock_build::{Kept, erase_login};

use super::login::not_kept;
use crate::arguments::Logout;
use crate::failure::Failure;
use crate::progress::print;
use crate::registry::{environment, server_host};

pub(crate) fn run(arguments: &Logout) -> Result<(), Failure> {
    let host = server_host(&arguments.server)?;
    let erased = erase_login(&environment(), &host).map_err(not_kept)?;
    for kept in &erased.from {
        match kept {
            Kept::File { path } => {
                println!("Removed the login to {host} from {}", path.display());
            }
            Kept::Helper { program } => println!("Removed the login to {host} from {program}"),
        }
    }
    if erased.from.is_empty() {
        println!("Not logged in to {host}");
    }
    if let Some(path) = &erased.remaining {
        print(&format!(
            "warning: {} has credentials for {host} too, which are used from now on; podman \
             logout removes them\n",
            path.display()
        ));
    }
    Ok(())
}
