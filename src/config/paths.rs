//! Paths in a configuration are those of its own folder.

use std::path::{Path, PathBuf};

use super::{Chart, ChartsPlace, Config, Image, Origin, Place};

impl Config {
    /// Puts `folder` before every relative path.
    pub fn take_paths_from(&mut self, folder: &Path) {
        for path in self.paths() {
            if path.is_relative() {
                *path = folder.join(&*path);
            }
        }
    }

    /// Every path that the configuration names.
    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        paths.extend(self.charts.iter_mut().flat_map(Chart::paths));
        paths.extend(&mut self.manifests);
        paths.extend(&mut self.lists);
        paths.extend(&mut self.discovery.rules);
        paths.extend(&mut self.network.auth_file);
        paths.extend(&mut self.network.ca_files);
        paths.extend(&mut self.network.registries_conf);
        paths.extend(&mut self.bundle.lock);
        for image in &mut self.images {
            if let Image::OnDisk { source, .. } = image {
                paths.push(&mut source.path);
            }
        }
        for registry in self.registries.values_mut() {
            paths.extend(&mut registry.ca_files);
            paths.extend(&mut registry.certificate_folder);
            if let Some(client) = &mut registry.client {
                paths.extend([&mut client.certificate, &mut client.key]);
            }
            if let Some(login) = &mut registry.login {
                paths.push(&mut login.password_file);
            }
        }
        for destination in self.destinations.values_mut() {
            if let Place::Folder(folder) = &mut destination.place {
                paths.push(folder);
            }
            if let Some(ChartsPlace::Folder(folder)) = &mut destination.charts {
                paths.push(folder);
            }
            if let Some(engines) = &mut destination.engines {
                paths.push(&mut engines.folder);
                paths.extend(&mut engines.mirror_ca);
                if let Some(login) = &mut engines.login {
                    paths.push(&mut login.password_file);
                }
            }
        }
        paths
    }
}

impl Chart {
    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        if let Origin::Path(path) = &mut self.origin {
            paths.push(path);
        }
        paths.extend(&mut self.fields.values);
        paths.extend(self.fields.profiles.values_mut().flatten());
        paths.extend(&mut self.fields.keyring);
        paths
    }
}
