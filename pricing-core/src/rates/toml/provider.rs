//! `[provider]`: what the provider tells the chain about itself.

use super::address::addresses;
use super::document::Section;
use super::{Problems, each, from_file};
use crate::rates::provider::{BlockedHostname, reclamation_window};
use crate::rates::{Pricing, Provider};
use crate::reserve::TeePlatform;

/// The most volumes per resource unit that a provider may accept.
const MAX_VOLUMES: u32 = 1_000;

/// Reads `[provider]`. The platform for confidential compute belongs to the commit levels, although it is set here.
pub(super) fn provider(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) -> Provider {
    let mut provider = Provider::default();
    // Another description of the provider replaces all of an earlier one.
    pricing.commit.tee_platform = None;
    each(section, problems, |entry, problems| {
        match entry.key() {
            "attributes" => attributes(&entry.section()?, &mut provider, problems),
            "audited_by" => provider.audited_by = addresses(entry, &pricing.chain.address_prefix, &[], problems)?,
            "blocked_hostnames" => {
                for item in entry.texts()? {
                    match BlockedHostname::parse(item.value()) {
                        Ok(blocked) => provider.blocked_hostnames.push(blocked),
                        Err(error) => problems.push(item.error(error)),
                    }
                }
            }
            "reclamation_window" => {
                let text = entry.text().ok_or_else(|| entry.error("expected a string, such as `24h`"))?;
                provider.reclamation_window = Some(reclamation_window(text).map_err(|error| entry.error(error))?);
            }
            "volumes" => provider.volumes = entry.whole(MAX_VOLUMES)?,
            "tee_platform" => {
                pricing.commit.tee_platform = Some(entry.one_of(&TeePlatform::words())?);
            }
            _ => {
                let known =
                    ["attributes", "audited_by", "blocked_hostnames", "reclamation_window", "volumes", "tee_platform"];
                return Err(entry.unknown(&known));
            }
        }
        from_file(entry, pricing);
        Ok(())
    });
    provider
}

fn attributes(section: &Section<'_>, provider: &mut Provider, problems: &mut Problems) {
    each(section, problems, |attribute, _| {
        let value = attribute.text().ok_or_else(|| attribute.error("expected a string, such as `\"true\"`"))?;
        provider.attributes.insert(attribute.name("the key of an attribute")?, value.to_owned());
        Ok(())
    });
}
