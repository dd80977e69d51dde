//! The program (src/main.rs) is linked with hotrun-static, which pkg-config finds; the library needs
//! nothing.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    let found = Command::new("pkg-config").args(["--libs", "hotrun-static"]).output();
    let words = match found {
        Ok(found) if found.status.success() => String::from_utf8_lossy(&found.stdout).into_owned(),
        _ => {
            println!("cargo:warning=pkg-config does not find hotrun-static: set PKG_CONFIG_PATH");
            return;
        }
    };
    // A blank within a path is written as "\ ".
    for word in words.replace("\\ ", "\0").split_whitespace() {
        println!("cargo:rustc-link-arg-bins={}", word.replace('\0', " "));
    }
}
