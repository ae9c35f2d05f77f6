//! How a declaration's hosts are reached.

use std::path::Path;

use super::super::{Error, World};
use super::Declaration;
use crate::causes::chain;
use crate::config::Registry;
use crate::credentials::Explicit;
use crate::http::HostTls;
use crate::secret::Secret;

/// A password file has one line.
const PASSWORD_CAP: u64 = 64 << 10;

impl Declaration {
    /// Tells the world how the hosts are reached.
    pub fn equip(&self, world: &mut World) -> Result<(), Error> {
        let network = &self.config.network;
        world.credentials.files.splice(0..0, network.auth_file.clone());
        world.http.ca_files.extend(network.ca_files.iter().cloned());
        if world.http.rate_per_host.is_none() {
            world.http.rate_per_host = network.requests_per_second.map(std::num::NonZero::get);
        }
        for (host, registry) in &self.config.registries {
            self.equip_host(host, registry, world)?;
        }
        Ok(())
    }

    fn equip_host(&self, host: &str, registry: &Registry, world: &mut World) -> Result<(), Error> {
        if registry.plain_http {
            world.http.plain_http.push(host.to_owned());
        }
        if let Some(rate) = registry.requests_per_second {
            world.http.rates.insert(host.to_owned(), rate.get());
        }
        if let Some(tls) = self.host_tls(registry)? {
            world.http.per_host.insert(host.to_owned(), tls);
        }
        if let Some(login) = &registry.login {
            let password = match &login.password {
                Some(password) => password.clone(),
                None => password(&login.password_file).map_err(|error| {
                    let (user, file) = (&login.username, login.password_file.display());
                    let why = chain(&error);
                    self.wrong(format!(
                        "the password of {user} for {host} cannot be read from {file}: {why}"
                    ))
                })?,
            };
            world.credentials.explicit.push(Explicit {
                host: host.to_owned(),
                user: login.username.clone(),
                password,
            });
        }
        if !registry.token_servers.is_empty() {
            let known = world
                .credentials
                .token_servers
                .entry(host.to_owned())
                .or_default();
            known.extend(registry.token_servers.iter().cloned());
        }
        Ok(())
    }

    fn host_tls(&self, registry: &Registry) -> Result<Option<HostTls>, Error> {
        let mut tls = HostTls::default();
        if let Some(folder) = &registry.certificate_folder {
            if !folder.is_dir() {
                return Err(self.wrong(format!(
                    "the folder of certificates {} is not there",
                    folder.display()
                )));
            }
            tls = HostTls::in_folder(folder)?.unwrap_or_default();
        }
        tls.ca_files.extend(registry.ca_files.iter().cloned());
        if let Some(client) = &registry.client {
            tls.client = Some((client.certificate.clone(), client.key.clone()));
        }
        Ok((tls != HostTls::default()).then_some(tls))
    }
}

/// What a file of a password holds.
pub fn password(path: &Path) -> Result<Secret, Error> {
    use std::io::Read as _;
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let mut file = std::fs::File::open(path).map_err(failed)?.take(PASSWORD_CAP + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > PASSWORD_CAP {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}
