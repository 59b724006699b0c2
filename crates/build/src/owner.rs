//! Owners as `--chown` and `USER` write them, resolved for the image that receives the files.

use crossdock_layer::{LayerFormat, Owner, resolve_account};

use crate::user_names;

/// A resolved owner, and what the user should know about it.
pub(crate) struct Resolution {
    pub(crate) owner: Owner,
    pub(crate) warning: Option<String>,
}

/// Reads a small file of the receiving image; `None` if it is not there.
pub(crate) type ReadFile<'a> = &'a mut dyn FnMut(&str) -> Result<Option<Vec<u8>>, String>;

/// Resolves `text` for an image of `format`. On Linux: `user`, `user:group`, names or numbers, by
/// the image's own `/etc/passwd` and `/etc/group`. On Windows: a name or SID, a group's after a
/// colon; numbers go into the tar header alone.
pub(crate) fn resolve(
    text: &str,
    format: LayerFormat,
    read: ReadFile<'_>,
) -> Result<Resolution, String> {
    match format {
        LayerFormat::Linux => linux(text, read),
        LayerFormat::Windows => windows(text),
    }
}

fn linux(text: &str, read: ReadFile<'_>) -> Result<Resolution, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let mut owner = Owner::default();
    if let Some(number) = number(user) {
        // Without a group, the group has the user's number, as in docker.
        (owner.uid, owner.gid) = (Some(number), Some(number));
    } else if !user.is_empty() {
        let passwd = read("/etc/passwd")?;
        let found = passwd
            .as_deref()
            .and_then(|bytes| user_names::user(bytes, user));
        // An image without accounts still knows its root.
        let found = found.or((user == "root").then_some((0, 0)));
        let (uid, gid) = found.ok_or_else(|| unknown("user", user, "/etc/passwd"))?;
        (owner.uid, owner.gid) = (Some(uid), Some(gid));
    }
    if let Some(number) = number(group) {
        owner.gid = Some(number);
    } else if !group.is_empty() {
        let groups = read("/etc/group")?;
        let found = groups
            .as_deref()
            .and_then(|bytes| user_names::group(bytes, group));
        let found = found.or((group == "root").then_some(0));
        owner.gid = Some(found.ok_or_else(|| unknown("group", group, "/etc/group"))?);
    }
    Ok(Resolution {
        owner,
        warning: None,
    })
}

fn unknown(kind: &str, name: &str, file: &str) -> String {
    format!(
        "there is no {kind} {name:?} in {file} of the image that the files are copied to; use a \
         number, or a {kind} that exists there"
    )
}

fn windows(text: &str) -> Result<Resolution, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let mut owner = Owner::default();
    if let (Some(uid), true) = (number(user), group.is_empty() || number(group).is_some()) {
        (owner.uid, owner.gid) = (Some(uid), Some(number(group).unwrap_or(uid)));
        let warning = format!(
            "owner {text}: Windows knows no numeric owners; the numbers are kept for Linux readers \
             and change nothing on Windows"
        );
        return Ok(Resolution {
            owner,
            warning: Some(warning),
        });
    }
    let account = |name: &str| {
        resolve_account(name).map(Some).ok_or_else(|| {
            format!(
                "account {name:?} is not known: use ContainerUser, ContainerAdministrator, a \
                 well-known group such as Administrators or Users, or a SID (S-1-…)"
            )
        })
    };
    owner.user = if user.is_empty() {
        None
    } else {
        account(user)?
    };
    owner.group = if group.is_empty() {
        None
    } else {
        account(group)?
    };
    Ok(Resolution {
        owner,
        warning: None,
    })
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse::<u32>().ok().map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_layer::LayerFormat::{Linux, Windows};

    #[test]
    fn owners() {
        let check = |text: &str, format, expected: Result<&str, &str>| {
            let mut read = |path: &str| {
                Ok(Some(match path {
                    "/etc/passwd" => b"app:x:10:20::/:\n".to_vec(),
                    _ => b"staff:x:50:\n".to_vec(),
                }))
            };
            let found = resolve(text, format, &mut read).map(|found| {
                let Owner {
                    uid,
                    gid,
                    user,
                    group,
                } = found.owner;
                let sid = |sid: Option<crossdock_layer::Sid>| {
                    sid.map_or("-".to_owned(), |sid| sid.to_string())
                };
                let id = |id: Option<u64>| id.map_or("-".to_owned(), |id| id.to_string());
                format!(
                    "{}:{} {}:{}{}",
                    id(uid),
                    id(gid),
                    sid(user),
                    sid(group),
                    if found.warning.is_some() { " !" } else { "" }
                )
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        };
        check("5", Linux, Ok("5:5 -:-"));
        check("5:6", Linux, Ok("5:6 -:-"));
        check("app", Linux, Ok("10:20 -:-"));
        check("app:staff", Linux, Ok("10:50 -:-"));
        check(":staff", Linux, Ok("-:50 -:-"));
        check("root", Linux, Ok("0:0 -:-"));
        check("none", Linux, Err("no user"));
        check("app:none", Linux, Err("no group"));
        check("99999999999", Linux, Err("no user"));
        check("ContainerUser", Windows, Ok("-:- S-1-5-93-2-2:-"));
        check(
            "ContainerUser:Users",
            Windows,
            Ok("-:- S-1-5-93-2-2:S-1-5-32-545"),
        );
        check("S-1-5-18", Windows, Ok("-:- S-1-5-18:-"));
        check("5:6", Windows, Ok("5:6 -:- !"));
        check("bob", Windows, Err("not known"));
    }
}
