//! One refusal for each rule of the schema and for each rule across sections: a change that breaks the rule in a valid
//! SDL, with the place and the text of the error.

use super::super::{read, read_with_warnings};

const BASE: &str = include_str!("base.yaml");

/// The text to replace, its replacement, and the error.
type Case = (&'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    ("version: \"2.1\"\n", "", "line 1, column 1: `version` is missing"),
    (
        "reclamation:",
        "reclamations:",
        "line 109, column 1, at `reclamations`: unknown key `reclamations` (did you mean `reclamation`?)",
    ),
    (
        "  min_window: 24h",
        "  min_window: 0s",
        "line 110, column 15, at `reclamation.min_window`: `0s` is too short; expected a duration above 0",
    ),
    (
        "  min_window: 24h",
        "  min_window: a day",
        "line 110, column 15, at `reclamation.min_window`: `a day` is not a duration; expected one such as `24h` or `1h30m`",
    ),
    (
        "  min_window: 24h",
        "  min_window: 3000000h",
        "line 110, column 15, at `reclamation.min_window`: `3000000h` is too long",
    ),
    ("  min_window: 24h", "  window: 24h", "line 109, column 1, at `reclamation`: `min_window` is missing"),
    ("reclamation:", "include: x\nreclamation:", "line 109, column 10, at `include`: `x` is text; expected a list"),
    (
        "services:\n  web:",
        "services: []\nother:\n  web:",
        "line 6, column 1, at `other`: unknown key `other` (known here: `version`, `services`, `profiles`, `deployment`, `endpoints`, `include` or `reclamation`)",
    ),
    (
        "deployment:\n",
        "deployment: {}\nx:\n",
        "line 101, column 1, at `x`: unknown key `x` (known here: `version`, `services`, `profiles`, `deployment`, `endpoints`, `include` or `reclamation`)",
    ),
    (
        "  front-ip:\n    kind: ip",
        "  front-ip:\n    kind: port",
        "line 4, column 11, at `endpoints.front-ip.kind`: `port` is not known; expected `ip`",
    ),
    ("  front-ip:\n    kind: ip", "  front-ip: {}", "line 3, column 3, at `endpoints.front-ip`: `kind` is missing"),
    (
        "  front-ip:\n    kind: ip",
        "  f:\n    kind: ip",
        "line 3, column 3, at `endpoints.f`: this name is not allowed for an endpoint (two or more of a-z, 0-9, `-` and `_`, the first a letter)",
    ),
    (
        "  front-ip:\n    kind: ip",
        "  Front-IP:\n    kind: ip",
        "line 3, column 3, at `endpoints.Front-IP`: this name is not allowed for an endpoint (two or more of a-z, 0-9, `-` and `_`, the first a letter)",
    ),
    (
        "            ip: front-ip",
        "            ip: front-pi",
        "line 25, column 17, at `services.web.expose[0].to[0].ip`: no endpoint is called `front-pi` (did you mean `front-ip`?)",
    ),
    (
        "            ip: front-ip\n",
        "",
        "line 3, column 3, at `endpoints.front-ip`: the endpoint `front-ip` is never used",
    ),
    (
        "            ip: front-ip",
        "            ip: \"\"",
        "line 3, column 3, at `endpoints.front-ip`: the endpoint `front-ip` is never used",
    ),
    (
        "- global: true\n",
        "- global: false\n",
        "line 25, column 17, at `services.web.expose[0].to[0].ip`: an `ip` is reached from anywhere (add `global: true` beside it)",
    ),
    (
        "- global: true\n",
        "- service: db\n",
        "line 25, column 17, at `services.web.expose[0].to[0].ip`: an `ip` is reached from anywhere (add `global: true` beside it)",
    ),
    (
        "- global: true\n",
        "- global: \"true\"\n",
        "line 24, column 21, at `services.web.expose[0].to[0].global`: `true` is text; expected `true` or `false`",
    ),
    ("    image: nginx\n", "    image: \"\"\n", "line 7, column 12, at `services.web.image`: empty; expected text"),
    ("    image: nginx\n", "", "line 6, column 3, at `services.web`: `image` is missing"),
    (
        "    command: [sh]",
        "    command: sh",
        "line 8, column 14, at `services.web.command`: `sh` is text; expected a list",
    ),
    ("      host: ghcr.io\n", "", "line 11, column 5, at `services.web.credentials`: `host` is missing"),
    (
        "port: 8080",
        "port: 0",
        "line 19, column 15, at `services.web.expose[0].port`: `0` is not a whole number from 1 to 65535",
    ),
    (
        "port: 8080",
        "port: 65536",
        "line 19, column 15, at `services.web.expose[0].port`: `65536` is not a whole number from 1 to 65535",
    ),
    (
        "port: 8080",
        "port: \"8080\"",
        "line 19, column 15, at `services.web.expose[0].port`: `8080` is text; expected a whole number",
    ),
    (
        "      - port: 8080\n        as: 80\n",
        "      - as: 80\n",
        "line 19, column 9, at `services.web.expose[0]`: `port` is missing",
    ),
    (
        "as: 80\n",
        "as: -1\n",
        "line 20, column 13, at `services.web.expose[0].as`: `-1` is not a whole number from 1 to 65535",
    ),
    (
        "proto: tcp",
        "proto: http",
        "line 21, column 16, at `services.web.expose[0].proto`: `http` is not known; expected `TCP`, `UDP`, `tcp` or `udp`",
    ),
    (
        "accept: [example.com]",
        "accept: example.com",
        "line 22, column 17, at `services.web.expose[0].accept`: `example.com` is text; expected a list",
    ),
    (
        "max_body_size: 1048576",
        "max_body_size: 104857601",
        "line 27, column 26, at `services.web.expose[0].http_options.max_body_size`: `104857601` is not a whole number from 0 to 104857600",
    ),
    (
        "read_timeout: 60000",
        "read_timeout: 60001",
        "line 28, column 25, at `services.web.expose[0].http_options.read_timeout`: `60001` is not a whole number from 0 to 60000",
    ),
    (
        "next_tries: 3",
        "next_tries: -3",
        "line 29, column 23, at `services.web.expose[0].http_options.next_tries`: `-3` is not a whole number from 0 to 4294967295",
    ),
    (
        "[error, \"500\"]",
        "[off, error]",
        "line 30, column 24, at `services.web.expose[0].http_options.next_cases[0]`: `off` cannot be combined with other cases",
    ),
    (
        "[error, \"500\"]",
        "[\"418\"]",
        "line 30, column 24, at `services.web.expose[0].http_options.next_cases[0]`: `418` is not known; expected `error`, `timeout`, `500`, `502`, `503`, `504`, `403`, `404`, `429` or `off`",
    ),
    (
        "mount: /data",
        "mount: data",
        "line 36, column 18, at `services.web.params.storage.data.mount`: the mount is not an absolute path (begin it with `/`)",
    ),
    (
        "mount: /dev/shm",
        "mount: /data",
        "line 38, column 9, at `services.web.params.storage.shm`: `/data` is the mount of `data` already",
    ),
    (
        "        data:\n          mount",
        "        dato:\n          mount",
        "line 35, column 9, at `services.web.params.storage.dato`: no volume is called `dato` (did you mean `data`?)",
    ),
    (
        "tee: cpu",
        "tee: gpu",
        "line 40, column 12, at `services.web.params.tee`: `gpu` is not known; expected `cpu` or `cpu-gpu` (did you mean `cpu`?)",
    ),
    (
        "    image: postgres",
        "    image: postgres\n    params: {tee: cpu-gpu}",
        "line 43, column 19, at `services.db.params.tee`: `cpu-gpu` needs GPUs, and the compute profile has none",
    ),
    (
        "units: 1.5",
        "units: 0",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the chain takes from 0.01 to 384 threads",
    ),
    (
        "units: 1.5",
        "units: -1",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: `-1` is not an amount of CPU (threads such as `0.5`, or thousandths such as `\"500m\"`)",
    ),
    (
        "units: 1.5",
        "units: .inf",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: `.inf` is not an amount of CPU (threads such as `0.5`, or thousandths such as `\"500m\"`)",
    ),
    (
        "units: 500m",
        "units: 1.5m",
        "line 80, column 18, at `profiles.compute.small.resources.cpu.units`: the chain takes from 0.01 to 384 threads",
    ),
    (
        "units: 500m",
        "units: \"0\"",
        "line 80, column 18, at `profiles.compute.small.resources.cpu.units`: the chain takes from 0.01 to 384 threads",
    ),
    (
        "size: 2Gi",
        "size: 2",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the chain takes from 1Mi to 2Ti of memory",
    ),
    (
        "size: 2Gi",
        "size: \"2\"",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the chain takes from 1Mi to 2Ti of memory",
    ),
    (
        "size: 2Gi",
        "size: -2Gi",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: `-2Gi` is not a size (a number and one of `Ki Mi Gi Ti Pi Ei` (powers of 1024) or `k M G T P E` (powers of 1000))",
    ),
    (
        "size: 2Gi",
        "size: 0Gi",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the chain takes from 1Mi to 2Ti of memory",
    ),
    (
        "size: 2Gi",
        "size: 99Ei",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: `99Ei` is not a size (a number and one of `Ki Mi Gi Ti Pi Ei` (powers of 1024) or `k M G T P E` (powers of 1000))",
    ),
    (
        "        memory:\n          size: 2Gi\n",
        "",
        "line 50, column 7, at `profiles.compute.big.resources`: `memory` is missing",
    ),
    (
        "          - name: data",
        "          - name: default",
        "line 35, column 9, at `services.web.params.storage.data`: no volume is called `data`",
    ),
    (
        "              class: ram",
        "              class: ram\n              persistent: true",
        "line 67, column 15, at `profiles.compute.big.resources.storage[2].attributes`: a `ram` volume cannot be persistent",
    ),
    (
        "persistent: true",
        "persistent: maybe",
        "line 62, column 27, at `profiles.compute.big.resources.storage[1].attributes.persistent`: `maybe` is not `true` or `false`",
    ),
    (
        "            size: 64Mi\n",
        "",
        "line 64, column 13, at `profiles.compute.big.resources.storage[2]`: `size` is missing",
    ),
    (
        "          units: 1\n",
        "          units: 0\n",
        "line 70, column 11, at `profiles.compute.big.resources.gpu.attributes`: attributes of GPUs, but no `units` of them (say how many in `units`)",
    ),
    (
        "          units: 1\n",
        "          units: 1.5\n",
        "line 69, column 18, at `profiles.compute.big.resources.gpu.units`: expected a whole number of GPUs",
    ),
    (
        "          attributes:\n            vendor:",
        "          attribute:\n            vendor:",
        "line 70, column 11, at `profiles.compute.big.resources.gpu.attribute`: unknown key `attribute` (did you mean `attributes`?)",
    ),
    (
        "- model: h100",
        "- name: h100",
        "line 76, column 19, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[1]`: `model` is missing",
    ),
    (
        "- model: h100",
        "- ram: 80Gi",
        "line 76, column 19, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[1]`: `model` is missing",
    ),
    (
        "- model: h100",
        "- model: rtx 4090",
        "line 76, column 26, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[1].model`: `rtx 4090` is not the name of a model (letters, digits, `-`, `_` and `.`, such as `rtx4090`; `*` is any)",
    ),
    (
        "interface: sxm",
        "interface: SXM4",
        "line 75, column 30, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[0].interface`: `SXM4` is not known; expected `pcie` or `sxm`",
    ),
    (
        "    small:\n      resources:",
        "    small:\n      needs:",
        "line 77, column 5, at `profiles.compute.small`: `resources` is missing",
    ),
    (
        "fast: true",
        "fast: [1]",
        "line 89, column 15, at `profiles.placement.west.attributes.fast`: this is a list; expected text",
    ),
    (
        "allOf: [akash1a]",
        "allOf: akash1a",
        "line 91, column 16, at `profiles.placement.west.signedBy.allOf`: `akash1a` is text; expected a list",
    ),
    (
        "denom: uakt\n          amount: 1000",
        "denom: uatom\n          amount: 1000",
        "line 86, column 5, at `profiles.placement.west`: the resource units are priced in `uakt` and `uatom`; a group has one denom",
    ),
    (
        "denom: uakt\n          amount: 1000",
        "denom: uact\n          amount: 1000",
        "line 86, column 5, at `profiles.placement.west`: the resource units are priced in `uakt` and `uact`; a group has one denom",
    ),
    (
        "amount: 1000",
        "amount: -1",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: `-1` is negative",
    ),
    (
        "amount: 1000",
        "amount: 1e",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: `1e` is not a decimal number",
    ),
    (
        "amount: 1000",
        "amount: 1e40",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: `1e40` is not a decimal number",
    ),
    (
        "\"0.25\"",
        "\"0.0000000000000000001\"",
        "line 99, column 19, at `profiles.placement.west.pricing.small.amount`: `0.0000000000000000001` has more than 18 decimals (the chain refuses more)",
    ),
    (
        "          amount: 1000\n",
        "",
        "line 94, column 9, at `profiles.placement.west.pricing.big`: `amount` is missing",
    ),
    (
        "        small:\n          denom: uakt\n          amount: \"0.25\"\n",
        "",
        "line 86, column 5, at `profiles.placement.west`: the placement has no price for the compute profile `small` (add it to `pricing`)",
    ),
    (
        "      profile: big",
        "      profile: bug",
        "line 103, column 16, at `deployment.web.west.profile`: no compute profile is called `bug` (did you mean `big`?)",
    ),
    (
        "count: 2",
        "count: 4294967296",
        "line 104, column 14, at `deployment.web.west.count`: `4294967296` is not a whole number from 1 to 4294967295",
    ),
    (
        "count: 2",
        "count: two",
        "line 104, column 14, at `deployment.web.west.count`: `two` is text; expected a whole number",
    ),
    (
        "  web:\n    west:\n      profile",
        "  web:\n    east:\n      profile",
        "line 102, column 5, at `deployment.web.east`: no placement is called `east`",
    ),
    (
        "  db:\n    west:",
        "  dbase:\n    west:",
        "line 105, column 3, at `deployment.dbase`: no service is called `dbase`",
    ),
    (
        "units: 1.5",
        "units: 0.009",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the chain takes from 0.01 to 384 threads",
    ),
    (
        "units: 1.5",
        "units: 384.001",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the chain takes from 0.01 to 384 threads",
    ),
    (
        "size: 2Gi",
        "size: 1023Ki",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the chain takes from 1Mi to 2Ti of memory",
    ),
    (
        "size: 2Gi",
        "size: 3Ti",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the chain takes from 1Mi to 2Ti of memory",
    ),
    (
        "            size: 64Mi",
        "            size: 4Mi",
        "line 64, column 13, at `profiles.compute.big.resources.storage[2]`: the chain takes volumes from 5Mi to 32Ti",
    ),
    (
        "            size: 64Mi",
        "            size: 33Ti",
        "line 64, column 13, at `profiles.compute.big.resources.storage[2]`: the chain takes volumes from 5Mi to 32Ti",
    ),
    (
        "          units: 1\n",
        "          units: 25\n",
        "line 69, column 11, at `profiles.compute.big.resources.gpu`: the chain takes at most 24 cards a replica",
    ),
    (
        "amount: 1000",
        "amount: 10000001",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: the chain takes prices of at most 10000000",
    ),
    (
        "amount: 1000",
        "amount: 0",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: a price of 0, which the chain refuses",
    ),
    (
        "amount: 1000",
        "amount: 1.0000000000000000000",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: `1.0000000000000000000` has more than 18 decimals (the chain refuses more)",
    ),
    (
        "- model: h100",
        "- model: a100\n                  ram: 80Gi\n                  interface: sxm",
        "line 76, column 19, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[1]`: the card `nvidia/a100/80Gi/sxm` is listed twice, which the chain refuses (leave one of them out)",
    ),
    (
        "count: 2",
        "count: 4294967295",
        "line 104, column 14, at `deployment.web.west.count`: 4294967295 replicas are more than an order may have; the most is 1000000",
    ),
    (
        "version: \"2.1\"",
        "version: \"2.0.5\"",
        "line 1, column 10, at `version`: `2.0.5` is not known; expected `2.0` or `2.1`",
    ),
    (
        "version: \"2.1\"",
        "version: \"1.9\"",
        "line 1, column 10, at `version`: `1.9` is not known; expected `2.0` or `2.1`",
    ),
    (
        "denom: uakt\n          amount: 1000",
        "denom: u\n          amount: 1000",
        "line 95, column 18, at `profiles.placement.west.pricing.big.denom`: `u` is not a denom",
    ),
    (
        "port: 8080",
        "port: 8080\n        port: 8081",
        "line 20, column 9, at `services.web.expose[0].port`: the key `port` is given twice",
    ),
    ("  web:\n    image", "  web_1:\n    image", "line 101, column 3, at `deployment.web`: no service is called `web`"),
    (
        "deployment:\n",
        "endpoints:\ndeployment:\n",
        "line 25, column 17, at `services.web.expose[0].to[0].ip`: no endpoint is called `front-ip`",
    ),
    (
        "          mount: /data\n",
        "",
        "line 35, column 9, at `services.web.params.storage.data`: `mount` is missing: refused by the chain's command line (Console refuses the text, too, for line 58: the service `web` does not mount the persistent volume `data`: refused by Console (chain-sdk's schema))",
    ),
    (
        "size: 2Gi",
        "size: 2gi\n          x: 1",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the size `2gi`: refused by the chain's command line (Console refuses the text, too, for line 57: unknown key `x`: refused by Console (chain-sdk's schema))",
    ),
];

/// What only one reader refuses: the warnings, joined with `; `.
const WARNINGS: &[Case] = &[
    (
        "version: \"2.1\"",
        "version: \"2.2\"",
        "line 1, column 10, at `version`: `2.2` is not `2.0` or `2.1`: refused by Console (chain-sdk's schema)",
    ),
    (
        "version: \"2.1\"",
        "version: 2.1",
        "line 1, column 10, at `version`: `2.1` is a number; expected text: refused by Console (chain-sdk's schema)",
    ),
    (
        "          - service: web",
        "          - global: true\n            ip: front-ip\n        as: 80",
        "line 25, column 17, at `services.web.expose[0].to[0].ip`: TCP port 80 of this endpoint is in use by `db`: refused by Console (chain-sdk's schema)",
    ),
    (
        "          - service: web",
        "          - service: web\n            port: 1",
        "line 47, column 13, at `services.db.expose[0].to[0].port`: unknown key `port`: refused by Console (chain-sdk's schema) (known here: `global`, `ip` or `service`)",
    ),
    (
        "    image: nginx\n",
        "    image: 5\n",
        "line 7, column 12, at `services.web.image`: `5` is a number; expected text: refused by Console (chain-sdk's schema)",
    ),
    (
        "    image: nginx\n",
        "    image: nginx\n    ports: []\n",
        "line 8, column 5, at `services.web.ports`: unknown key `ports`: refused by Console (chain-sdk's schema) (known here: `image`, `command`, `args`, `env`, `expose`, `dependencies`, `params` or `credentials`)",
    ),
    (
        "      - A=1",
        "      - 5",
        "line 10, column 9, at `services.web.env[0]`: `5` is a number; expected text: refused by Console (chain-sdk's schema)",
    ),
    (
        "      host: ghcr.io",
        "      host: \" \"",
        "line 12, column 13, at `services.web.credentials.host`: nothing but spaces: refused by the chain's command line",
    ),
    (
        "a@b.c",
        "a@b",
        "line 13, column 14, at `services.web.credentials.email`: too short; expected at least 5 characters: refused by Console (chain-sdk's schema)",
    ),
    (
        "password: secret",
        "password: short",
        "line 15, column 17, at `services.web.credentials.password`: too short; expected at least 6 characters: refused by Console (chain-sdk's schema)",
    ),
    (
        "      - service: db\n    expose",
        "      - name: db\n    expose",
        "line 17, column 9, at `services.web.dependencies[0].name`: unknown key `name`: refused by Console (chain-sdk's schema) (known here: `service`)",
    ),
    (
        "port: 8080",
        "port: 80.5",
        "line 19, column 15, at `services.web.expose[0].port`: `80.5` is not a whole number from 1 to 65535: refused by Console (chain-sdk's schema)",
    ),
    (
        "next_tries: 3",
        "next_try: 3",
        "line 29, column 11, at `services.web.expose[0].http_options.next_try`: unknown key `next_try`: refused by Console (chain-sdk's schema) (known here: `max_body_size`, `proxy_buffer_size`, `read_timeout`, `send_timeout`, `next_timeout`, `next_tries` or `next_cases`)",
    ),
    (
        "[error, \"500\"]",
        "[error, 500]",
        "line 30, column 31, at `services.web.expose[0].http_options.next_cases[1]`: `500` is a number; expected text: refused by Console (chain-sdk's schema)",
    ),
    (
        "read: [logs]",
        "read: [all]",
        "line 33, column 16, at `services.web.params.permissions.read[0]`: `all` is not known; expected `deployment`, `logs` or `events`: refused by Console (chain-sdk's schema)",
    ),
    (
        "          mount: /dev/shm",
        "          mount: /dev/shm\n          readOnly: true",
        "line 38, column 9, at `services.web.params.storage.shm`: a `ram` volume cannot be mounted read-only: refused by the chain's command line",
    ),
    (
        "        data:\n          mount: /data\n          readOnly: false\n",
        "",
        "line 56, column 13, at `profiles.compute.big.resources.storage[1]`: the service `web` does not mount the persistent volume `data`: refused by Console (chain-sdk's schema)",
    ),
    (
        "readOnly: false",
        "readOnly: no",
        "line 37, column 21, at `services.web.params.storage.data.readOnly`: `no` is text; expected `true` or `false`: refused by Console (chain-sdk's schema)",
    ),
    (
        "units: 1.5",
        "units: \"1.5x\"",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the amount of CPU `1.5x`: refused by the chain's command line",
    ),
    (
        "arch: amd64",
        "cores: 2",
        "line 54, column 13, at `profiles.compute.big.resources.cpu.attributes.cores`: unknown key `cores`; expected `arch`: refused by the chain's command line",
    ),
    (
        "size: 2Gi",
        "size: 2GiB",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the size `2GiB`: refused by the chain's command line",
    ),
    (
        "              class: beta2",
        "              class: ssd",
        "line 63, column 22, at `profiles.compute.big.resources.storage[1].attributes.class`: `ssd` is not known; expected `default`, `beta1`, `beta2`, `beta3` or `ram`: refused by the chain's command line",
    ),
    (
        "              persistent: true\n",
        "",
        "line 62, column 15, at `profiles.compute.big.resources.storage[1].attributes`: the class `beta2` is for persistent volumes, so this one is ephemeral: refused by the chain's command line",
    ),
    (
        "              nvidia:\n",
        "              amd:\n",
        "line 72, column 15, at `profiles.compute.big.resources.gpu.attributes.vendor.amd`: `amd` is left out; only cards of `nvidia` are read: refused by Console (chain-sdk's schema)",
    ),
    (
        "- model: h100",
        "- model: 4090",
        "line 76, column 26, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[1].model`: `4090` is a number; expected text: refused by Console (chain-sdk's schema)",
    ),
    (
        "ram: 80Gi",
        "ram: 80GB",
        "line 74, column 24, at `profiles.compute.big.resources.gpu.attributes.vendor.nvidia[0].ram`: the RAM of a card `80GB`: refused by the chain's command line",
    ),
    ("fast: true", "fast:", ""),
    (
        "signedBy:",
        "signed_by:",
        "line 90, column 7, at `profiles.placement.west.signed_by`: unknown key `signed_by`: refused by Console (chain-sdk's schema) (did you mean `signedBy`?)",
    ),
    (
        "      profile: big\n      count: 2",
        "      profile: big",
        "line 102, column 5, at `deployment.web.west`: `count` is missing, so there are no replicas: refused by Console (chain-sdk's schema)",
    ),
    (
        "count: 2",
        "count: 0",
        "line 104, column 14, at `deployment.web.west.count`: `0` is not a whole number from 1 to 4294967295: refused by Console (chain-sdk's schema)",
    ),
    (
        "  db:\n    west:\n      profile: small\n      count: 1\n",
        "",
        "line 41, column 3, at `services.db`: the service `db` is not deployed: refused by Console (chain-sdk's schema)",
    ),
    (
        "version: \"2.1\"",
        "version: \"3\"",
        "line 1, column 10, at `version`: `3` is not `2.0` or `2.1`: refused by Console (chain-sdk's schema)",
    ),
    (
        "size: 2Gi",
        "size: 2147483648",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the size `2147483648`: refused by Console (chain-sdk's schema)",
    ),
    (
        "size: 2Gi",
        "size: 1e3Mi",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the size `1e3Mi`: refused by Console (chain-sdk's schema)",
    ),
    (
        "size: 2Gi",
        "size: 2gi",
        "line 56, column 17, at `profiles.compute.big.resources.memory.size`: the size `2gi`: refused by the chain's command line",
    ),
    (
        "units: 1.5",
        "units: 0x2",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the amount of CPU `0x2`: refused by the chain's command line",
    ),
    (
        "units: 1.5",
        "units: 1_0",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the amount of CPU `1_0`: refused by Console (chain-sdk's schema)",
    ),
    (
        "units: 1.5",
        "units: \"1e1\"",
        "line 52, column 18, at `profiles.compute.big.resources.cpu.units`: the amount of CPU `1e1`: refused by Console (chain-sdk's schema)",
    ),
    (
        "          units: 1\n",
        "          units: 0x1\n",
        "line 69, column 18, at `profiles.compute.big.resources.gpu.units`: the number of GPUs `0x1`: refused by the chain's command line",
    ),
    (
        "amount: 1000",
        "amount: 1e3",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: the amount `1e3`: refused by the chain's command line",
    ),
    (
        "amount: 1000",
        "amount: \"+5\"",
        "line 96, column 19, at `profiles.placement.west.pricing.big.amount`: the amount `+5`: refused by Console (chain-sdk's schema)",
    ),
    (
        "as: 80\n",
        "as: 0\n",
        "line 20, column 13, at `services.web.expose[0].as`: `0` is not a whole number from 1 to 65535: refused by Console (chain-sdk's schema)",
    ),
    (
        "as: 80\n",
        "as:\n",
        "line 20, column 9, at `services.web.expose[0].as`: nothing is given: refused by Console (chain-sdk's schema)",
    ),
    (
        "proto: tcp",
        "proto: Tcp",
        "line 21, column 16, at `services.web.expose[0].proto`: `Tcp` is not `TCP`, `UDP`, `tcp` or `udp`: refused by Console (chain-sdk's schema)",
    ),
    (
        "- global: true\n",
        "- global: yes\n",
        "line 24, column 21, at `services.web.expose[0].to[0].global`: `yes` is text; expected `true` or `false`: refused by Console (chain-sdk's schema)",
    ),
    (
        "  min_window: 24h",
        "  min_window: 1h30m",
        "line 110, column 15, at `reclamation.min_window`: `1h30m` is not a whole number of `s`, `m` or `h`: refused by Console (chain-sdk's schema)",
    ),
    (
        "denom: uakt\n          amount: \"0.25\"",
        "denom: uakt\n          amount: .25",
        "line 99, column 19, at `profiles.placement.west.pricing.small.amount`: the amount `.25`: refused by the chain's command line",
    ),
    (
        "      count: 1\n",
        "      count: 0\n",
        "line 108, column 14, at `deployment.db.west.count`: `0` is not a whole number from 1 to 4294967295: refused by Console (chain-sdk's schema)",
    ),
    (
        "arch: amd64",
        "arch: amd64\n          units: 2",
        "line 55, column 11, at `profiles.compute.big.resources.cpu.units`: the key `units` is given twice: refused by Console (chain-sdk's schema)",
    ),
];

#[test]
fn the_base_is_sound() {
    let groups = read(BASE).unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].resources().len(), 2);
}

#[test]
fn each_rule_is_refused_at_its_place() {
    let mut wrong = Vec::new();
    for (from, to, answer) in CASES {
        assert!(BASE.contains(from), "{from}");
        let text = BASE.replacen(from, to, 1);
        let found = read(&text).map_or_else(|error| error.to_string(), |_| "accepted".to_owned());
        if found != *answer {
            wrong.push(format!("{from:?} -> {to:?}\n  expected {answer}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(CASES.len() >= 60);
}

#[test]
fn what_one_reader_refuses_is_read_with_a_warning_at_its_place() {
    let mut wrong = Vec::new();
    for (from, to, answer) in WARNINGS {
        assert!(BASE.contains(from), "{from}");
        let found = match read_with_warnings(&BASE.replacen(from, to, 1)) {
            Err(error) => format!("refused: {error}"),
            Ok(sdl) => sdl.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        if found != *answer {
            wrong.push(format!("{from:?} -> {to:?}\n  expected {answer}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(read_with_warnings(BASE).unwrap().warnings, []);
}
