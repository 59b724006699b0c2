//! Puts the manifest into the executable for Windows: without it long paths are cut and the system
//! may ask for elevation because of the program's name.

fn main() -> std::io::Result<()> {
    const MANIFEST: &str = "crossdock.exe.manifest";
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={MANIFEST}");
    // Of the system that the program is for, not of the one that builds it.
    if std::env::var_os("CARGO_CFG_WINDOWS").is_some() {
        embed_manifest::embed_manifest_file(MANIFEST)?;
    }
    Ok(())
}
