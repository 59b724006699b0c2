//! Names of the SIDs that mean the same on every machine.

use super::sid::Sid;

impl Sid {
    /// The name of a SID that means the same on every machine: `BUILTIN\Administrators`,
    /// `NT AUTHORITY\SYSTEM`, `Everyone`. Of the accounts that every machine or domain has
    /// (`S-1-5-21-…-500`) it is the name alone: `Administrator`.
    ///
    /// Source: \[MS-DTYP\] 2.4.2.4, winnt.h for the later ones; the names as an English Windows
    /// shows them.
    pub fn well_known_name(&self) -> Option<&'static str> {
        let (authority, numbers) = (self.authority(), self.subauthorities());
        let exact = NAMES
            .iter()
            .find(|known| known.1 == authority && known.2 == numbers);
        if let Some((name, ..)) = exact {
            return Some(name);
        }
        match (authority, numbers) {
            // Three numbers are the machine's or the domain's own.
            (5, [21, _, _, _, account]) => DOMAIN_NAMES
                .iter()
                .find(|known| known.1 == *account)
                .map(|known| known.0),
            (5, [5, _, _]) => Some("Logon Session"),
            _ => None,
        }
    }
}

/// Name, authority and subauthorities.
const NAMES: &[(&str, u64, &[u32])] = &[
    ("NULL SID", 0, &[0]),
    ("Everyone", 1, &[0]),
    ("LOCAL", 2, &[0]),
    ("CONSOLE LOGON", 2, &[1]),
    ("CREATOR OWNER", 3, &[0]),
    ("CREATOR GROUP", 3, &[1]),
    ("CREATOR OWNER SERVER", 3, &[2]),
    ("CREATOR GROUP SERVER", 3, &[3]),
    ("OWNER RIGHTS", 3, &[4]),
    (r"NT AUTHORITY\DIALUP", 5, &[1]),
    (r"NT AUTHORITY\NETWORK", 5, &[2]),
    (r"NT AUTHORITY\BATCH", 5, &[3]),
    (r"NT AUTHORITY\INTERACTIVE", 5, &[4]),
    (r"NT AUTHORITY\SERVICE", 5, &[6]),
    (r"NT AUTHORITY\ANONYMOUS LOGON", 5, &[7]),
    (r"NT AUTHORITY\PROXY", 5, &[8]),
    (r"NT AUTHORITY\ENTERPRISE DOMAIN CONTROLLERS", 5, &[9]),
    (r"NT AUTHORITY\SELF", 5, &[10]),
    (r"NT AUTHORITY\Authenticated Users", 5, &[11]),
    (r"NT AUTHORITY\RESTRICTED", 5, &[12]),
    (r"NT AUTHORITY\TERMINAL SERVER USER", 5, &[13]),
    (r"NT AUTHORITY\REMOTE INTERACTIVE LOGON", 5, &[14]),
    (r"NT AUTHORITY\This Organization", 5, &[15]),
    (r"NT AUTHORITY\IUSR", 5, &[17]),
    (r"NT AUTHORITY\SYSTEM", 5, &[18]),
    (r"NT AUTHORITY\LOCAL SERVICE", 5, &[19]),
    (r"NT AUTHORITY\NETWORK SERVICE", 5, &[20]),
    (
        r"NT AUTHORITY\COMPOUNDED AUTHENTICATION",
        5,
        &[21, 0, 0, 0, 496],
    ),
    (r"NT AUTHORITY\CLAIMS VALID", 5, &[21, 0, 0, 0, 497]),
    (r"NT AUTHORITY\WRITE RESTRICTED", 5, &[33]),
    (r"NT AUTHORITY\NTLM Authentication", 5, &[64, 10]),
    (r"NT AUTHORITY\SChannel Authentication", 5, &[64, 14]),
    (r"NT AUTHORITY\Digest Authentication", 5, &[64, 21]),
    (r"NT AUTHORITY\This Organization Certificate", 5, &[65, 1]),
    (r"NT AUTHORITY\USER MODE DRIVERS", 5, &[84, 0, 0, 0, 0, 0]),
    (r"NT AUTHORITY\Local account", 5, &[113]),
    (
        r"NT AUTHORITY\Local account and member of Administrators group",
        5,
        &[114],
    ),
    (r"NT AUTHORITY\OTHER ORGANIZATION", 5, &[1000]),
    (r"BUILTIN", 5, &[32]),
    (r"BUILTIN\Administrators", 5, &[32, 544]),
    (r"BUILTIN\Users", 5, &[32, 545]),
    (r"BUILTIN\Guests", 5, &[32, 546]),
    (r"BUILTIN\Power Users", 5, &[32, 547]),
    (r"BUILTIN\Account Operators", 5, &[32, 548]),
    (r"BUILTIN\Server Operators", 5, &[32, 549]),
    (r"BUILTIN\Print Operators", 5, &[32, 550]),
    (r"BUILTIN\Backup Operators", 5, &[32, 551]),
    (r"BUILTIN\Replicator", 5, &[32, 552]),
    (r"BUILTIN\Pre-Windows 2000 Compatible Access", 5, &[32, 554]),
    (r"BUILTIN\Remote Desktop Users", 5, &[32, 555]),
    (r"BUILTIN\Network Configuration Operators", 5, &[32, 556]),
    (r"BUILTIN\Incoming Forest Trust Builders", 5, &[32, 557]),
    (r"BUILTIN\Performance Monitor Users", 5, &[32, 558]),
    (r"BUILTIN\Performance Log Users", 5, &[32, 559]),
    (r"BUILTIN\Windows Authorization Access Group", 5, &[32, 560]),
    (r"BUILTIN\Terminal Server License Servers", 5, &[32, 561]),
    (r"BUILTIN\Distributed COM Users", 5, &[32, 562]),
    (r"BUILTIN\IIS_IUSRS", 5, &[32, 568]),
    (r"BUILTIN\Cryptographic Operators", 5, &[32, 569]),
    (r"BUILTIN\Event Log Readers", 5, &[32, 573]),
    (r"BUILTIN\Certificate Service DCOM Access", 5, &[32, 574]),
    (r"BUILTIN\RDS Remote Access Servers", 5, &[32, 575]),
    (r"BUILTIN\RDS Endpoint Servers", 5, &[32, 576]),
    (r"BUILTIN\RDS Management Servers", 5, &[32, 577]),
    (r"BUILTIN\Hyper-V Administrators", 5, &[32, 578]),
    (
        r"BUILTIN\Access Control Assistance Operators",
        5,
        &[32, 579],
    ),
    (r"BUILTIN\Remote Management Users", 5, &[32, 580]),
    (r"BUILTIN\System Managed Accounts Group", 5, &[32, 581]),
    (r"BUILTIN\Storage Replica Administrators", 5, &[32, 582]),
    (r"BUILTIN\Device Owners", 5, &[32, 583]),
    (r"BUILTIN\User Mode Hardware Operators", 5, &[32, 584]),
    (r"BUILTIN\OpenSSH Users", 5, &[32, 585]),
    (r"NT SERVICE\ALL SERVICES", 5, &[80, 0]),
    (
        r"NT SERVICE\TrustedInstaller",
        5,
        &[
            80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464,
        ],
    ),
    (r"IIS APPPOOL\ALL APP POOLS", 5, &[82, 0]),
    (r"NT VIRTUAL MACHINE\Virtual Machines", 5, &[83, 0]),
    (r"Window Manager\Window Manager Group", 5, &[90, 0]),
    (r"User Manager\ContainerAdministrator", 5, &[93, 2, 1]),
    (r"User Manager\ContainerUser", 5, &[93, 2, 2]),
    (
        r"APPLICATION PACKAGE AUTHORITY\ALL APPLICATION PACKAGES",
        15,
        &[2, 1],
    ),
    (
        r"APPLICATION PACKAGE AUTHORITY\ALL RESTRICTED APPLICATION PACKAGES",
        15,
        &[2, 2],
    ),
    (
        r"APPLICATION PACKAGE AUTHORITY\Your Internet connection",
        15,
        &[3, 1],
    ),
    (r"Mandatory Label\Untrusted Mandatory Level", 16, &[0]),
    (r"Mandatory Label\Low Mandatory Level", 16, &[4096]),
    (r"Mandatory Label\Medium Mandatory Level", 16, &[8192]),
    (r"Mandatory Label\Medium Plus Mandatory Level", 16, &[8448]),
    (r"Mandatory Label\High Mandatory Level", 16, &[12288]),
    (r"Mandatory Label\System Mandatory Level", 16, &[16384]),
    (
        r"Mandatory Label\Protected Process Mandatory Level",
        16,
        &[20480],
    ),
    (
        r"Mandatory Label\Secure Process Mandatory Level",
        16,
        &[28672],
    ),
    ("Authentication authority asserted identity", 18, &[1]),
    ("Service asserted identity", 18, &[2]),
    ("Fresh public key identity", 18, &[3]),
    ("Key trust identity", 18, &[4]),
    ("Key property multi-factor authentication", 18, &[5]),
    ("Key property attestation", 18, &[6]),
];

/// Accounts and groups of every machine or domain, by their last number.
const DOMAIN_NAMES: &[(&str, u32)] = &[
    ("Enterprise Read-only Domain Controllers", 498),
    ("Administrator", 500),
    ("Guest", 501),
    ("krbtgt", 502),
    ("DefaultAccount", 503),
    ("WDAGUtilityAccount", 504),
    ("Domain Admins", 512),
    ("Domain Users", 513),
    ("Domain Guests", 514),
    ("Domain Computers", 515),
    ("Domain Controllers", 516),
    ("Cert Publishers", 517),
    ("Schema Admins", 518),
    ("Enterprise Admins", 519),
    ("Group Policy Creator Owners", 520),
    ("Read-only Domain Controllers", 521),
    ("Cloneable Domain Controllers", 522),
    ("Protected Users", 525),
    ("Key Admins", 526),
    ("Enterprise Key Admins", 527),
    ("RAS and IAS Servers", 553),
    ("Allowed RODC Password Replication Group", 571),
    ("Denied RODC Password Replication Group", 572),
];
