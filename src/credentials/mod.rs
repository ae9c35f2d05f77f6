//! Who we are to a host: docker config, containers auth.json, credential helpers.
