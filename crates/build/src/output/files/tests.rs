//! Names of platforms' folders.

use super::*;

#[track_caller]
fn check(platforms: &[&str], expected: &[&str]) {
    let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
    let platforms: Vec<&Platform> = platforms.iter().collect();
    assert_eq!(platform_folders(&platforms), expected);
}

#[test]
fn folders_of_platforms() {
    check(&["linux/amd64"], &["linux_amd64"]);
    check(
        &[
            "linux/amd64",
            "linux/arm/v6",
            "linux/arm64",
            "windows(10.0.20348)/amd64",
        ],
        &[
            "linux_amd64",
            "linux_arm_v6",
            "linux_arm64",
            "windows_amd64",
        ],
    );
    // The version, where it is what differs.
    check(
        &[
            "windows(10.0.17763)/amd64",
            "linux/amd64",
            "windows(10.0.20348.1)/amd64",
        ],
        &[
            "windows_10.0.17763_amd64",
            "linux_amd64",
            "windows_10.0.20348.1_amd64",
        ],
    );
    check(
        &["windows/amd64", "windows(10.0.20348)/amd64"],
        &["windows_amd64", "windows_10.0.20348_amd64"],
    );
    // Nothing that differs.
    check(
        &["linux/amd64", "linux/amd64", "linux/amd64"],
        &["linux_amd64", "linux_amd64_2", "linux_amd64_3"],
    );
    let strange = Platform {
        os_version: "../x".to_owned(),
        ..Platform::new("lin ux", "../..")
    };
    assert_eq!(platform_folders(&[&strange]), ["lin_ux_.._.."]);
}
