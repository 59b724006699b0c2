//! Ports of `EXPOSE`: `80`, `80/udp`, `8000-8010/tcp`, and docker's `[address:][host:]` in front.

/// What one word exposes.
pub(super) struct Exposed {
    /// `port/protocol`, in order.
    pub(super) ports: Vec<String>,
    /// The protocol was not lower case.
    pub(super) upper_case: bool,
    /// A host address or host port was given; it means nothing.
    pub(super) mapped: bool,
}

pub(super) fn parse(word: &str) -> Result<Exposed, &'static str> {
    let (mapping, container) = match word.rsplit_once(':') {
        Some((mapping, container)) => (Some(mapping), container),
        None => (None, word),
    };
    let (range, protocol) = container.split_once('/').unwrap_or((container, ""));
    let lowered = match protocol.to_ascii_lowercase().as_str() {
        "" => "tcp".to_owned(),
        known @ ("tcp" | "udp" | "sctp") => known.to_owned(),
        _ => return Err("the protocol is tcp, udp or sctp"),
    };
    let (first, last) = ports(range)?;
    if let Some(mapping) = mapping {
        check_mapping(mapping, last - first)?;
    }
    Ok(Exposed {
        ports: (first..=last)
            .map(|port| format!("{port}/{lowered}"))
            .collect(),
        upper_case: protocol != protocol.to_ascii_lowercase(),
        mapped: mapping.is_some_and(|mapping| !mapping.chars().all(|c| c == ':')),
    })
}

fn ports(range: &str) -> Result<(u16, u16), &'static str> {
    let number = |text: &str| {
        // Go takes a plus sign.
        let text = text.strip_prefix('+').unwrap_or(text);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u16>().ok();
        number
            .filter(|_| digits)
            .ok_or("a port is a number up to 65535")
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(range)?, number(range)?),
    };
    match first <= last {
        true => Ok((first, last)),
        false => Err("the range ends before it starts"),
    }
}

/// `host port` or `address:host port`, which docker accepts and ignores.
fn check_mapping(mapping: &str, length: u16) -> Result<(), &'static str> {
    let (address, host) = match mapping.rsplit_once(':') {
        Some((address, host)) => (address, host),
        None => ("", mapping),
    };
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    if !address.is_empty() && bare.parse::<std::net::IpAddr>().is_err() {
        return Err("the host address is not an address");
    }
    if host.is_empty() {
        return Ok(());
    }
    let (first, last) = ports(host)?;
    match length != 0 && last - first != length {
        true => Err("the host ports are not as many as the ports"),
        false => Ok(()),
    }
}
