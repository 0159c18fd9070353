"""``som models``: what is known of model families."""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from som.agents.vlm.profiles import Profile

HEADS = (
    "family",
    "provider",
    "constrained by",
    "probabilities from",
    "image limit",
    "1080p",
    "points in",
    "price of",
)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def models(names: tuple[str, ...], as_json: bool) -> None:
    """What is known of model families, or of the models called NAMES.

    For each: who serves it, what holds its replies to a form, what gives probabilities, the size that
    it sees a screenshot of 3840 x 2160 at, the tokens of one of 1920 x 1080, and the convention of its
    coordinates, and the date of its price; for NAMES the price itself, in USD for a million tokens.

    Facts of your own go into a file that the environment variable SOM_MODELS names.
    """
    from som.agents.vlm.profiles import profile_of, profiles

    if as_json:
        rows = [(name, profile_of(name)) for name in names] or [("", each) for each in profiles()]
        click.echo(json.dumps([_facts(name, profile) for name, profile in rows], ensure_ascii=False))
    elif names:
        for name in names:
            _echo_model(name)
    else:
        _echo_table([HEADS, *(_row(profile) for profile in profiles())])


def _row(profile: "Profile", name: str = "") -> tuple[str, ...]:
    from som.agents.vlm.cost import price_of

    price = price_of(name or profile.example)
    width, height = profile.fit((3840, 2160))
    return (
        profile.name,
        profile.provider or "any, local",
        constrained_by(profile),
        probabilities_from(profile),
        f"{width} x {height}",
        f"{profile.image_tokens((1920, 1080)):,}",
        profile.coordinates,
        price.date if price else "-",
    )


def constrained_by(profile: "Profile") -> str:
    """What holds the replies of a family to a form, the best first."""
    found = [
        word
        for ability, word in (("json_schema", "JSON schema"), ("tools", "tools"))
        if ability in profile.can
    ]
    if not profile.provider:
        return ", ".join(["guided choice", *found]) if found else "asked"
    return ", ".join(found) or "asked"


def probabilities_from(profile: "Profile") -> str:
    """What gives the probabilities of a choice, the best first."""
    found = []
    if "decisions" in profile.can:
        found.append("decisions")
    if not profile.provider:
        found += ["endpoints", "logits"]
    if "logprobs" in profile.can:
        found.append("logprobs")
    return ", ".join([*found, "votes"])


def _facts(name: str, profile: "Profile") -> dict[str, object]:
    from som.agents.vlm.cost import price_of

    price = price_of(name) if name else None
    return {
        "model": name or None,
        "family": profile.name,
        "provider": profile.provider or None,
        "can": sorted(profile.can),
        "constrained_by": constrained_by(profile),
        "probabilities_from": probabilities_from(profile),
        "image_limit": profile.fit((3840, 2160)),
        "image_tokens_1080p": profile.image_tokens((1920, 1080)),
        "max_images": profile.max_images,
        "coordinates": profile.coordinates,
        "source": profile.source,
        "price": price
        and {
            "usd_in": price.usd_in,
            "usd_cached": price.usd_cached,
            "usd_out": price.usd_out,
            "date": price.date,
            "source": price.source,
        },
    }


def _echo_model(name: str) -> None:
    from som.agents.vlm.cost import price_of
    from som.agents.vlm.profiles import profile_of

    profile, price = profile_of(name), price_of(name)
    click.echo(name)
    for head, value in zip(HEADS[:-1], _row(profile, name), strict=False):
        click.echo(f"  {head:<20}{value}")
    if price is None:
        click.echo(f"  {'price':<20}not known; add it to the file that SOM_MODELS names")
    else:
        said = f"${price.usd_in:g} in, ${price.usd_cached:g} cached, ${price.usd_out:g} out"
        click.echo(f"  {'price':<20}{said} ({price.date}, {price.source})")
    click.echo(f"  {'source':<20}{profile.source}")


def _echo_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
