//! Which proxy, as Go's `httpproxy` decides it, so that docker's users meet nothing new.

use std::net::IpAddr;

use crate::config::Environment;
use crate::url::Origin;

/// The proxy for requests to `origin`, as `HTTPS_PROXY` or `HTTP_PROXY` gives it; `None` for
/// this machine, and for what `NO_PROXY` lists. Lower-case variables are the second choice.
pub(crate) fn proxy_for<'a>(environment: &'a Environment, origin: &Origin) -> Option<&'a str> {
    let either = |upper: &str| {
        environment
            .variable(upper)
            .or_else(|| environment.variable(&upper.to_ascii_lowercase()))
    };
    let proxy = either(if origin.is_https {
        "HTTPS_PROXY"
    } else {
        "HTTP_PROXY"
    })?;
    let except = either("NO_PROXY").unwrap_or_default();
    let direct = origin.is_loopback() || except.split(',').any(|item| matches(item.trim(), origin));
    (!direct).then_some(proxy)
}

/// Whether `text` is `[http[s]://][USER:PASSWORD@]HOST[:PORT][/]`.
pub(crate) fn is_proxy(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let rest = rest.trim_end_matches('/');
    let authority = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    matches!(scheme, "http" | "https") && Origin::parse(false, authority).is_some()
}

/// Whether an item of `NO_PROXY` means `origin`: `*`, an address, a range in CIDR form, or a
/// domain, with or without a port. A domain means its subdomains too; with `.` or `*.` before it
/// only those.
fn matches(item: &str, origin: &Origin) -> bool {
    if item == "*" {
        return true;
    }
    if item.is_empty() {
        return false;
    }
    let host = origin.host().trim_end_matches('.');
    let address: Option<IpAddr> = host.parse().ok();
    if let Some((network, length)) = item.split_once('/')
        && let (Ok(network), Ok(length)) = (network.parse(), length.parse())
    {
        return address.is_some_and(|address| is_within(address, network, length));
    }
    let item = item.to_ascii_lowercase();
    let (name, port) = match item.rsplit_once(':') {
        // An IPv6 address without brackets has colons and no port.
        Some((name, port)) if name.ends_with(']') || !name.contains(':') => {
            (name, port.parse().ok())
        }
        _ => (item.as_str(), None),
    };
    if port.is_some_and(|port: u16| port != origin.port()) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(name) = name.parse::<IpAddr>() {
        return address == Some(name);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|before| before.ends_with('.'))
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let shared = |a: u128, b: u128, bits: u32| {
        length <= bits && (length == 0 || (a ^ b) >> (bits - length) == 0)
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => shared(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
