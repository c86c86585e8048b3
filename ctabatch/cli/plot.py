"""``ctabatch plot``: pictures of cameras, waveforms, arrays and distributions of parameters."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli.plot_output import Picture
from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.plot.event_data import ArrayEvent
    from ctabatch.plot.inputs import Need

#: Exit code for a picture of an input that could not be read as a whole.
WITH_LOSSES = 1

command = typer.Typer(
    name="plot",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Draw cameras, waveforms, the array from above, or distributions of image parameters.

    Events are those of a sim_telarray file, example:NAME, or a dataset; without --event the first
    one with images. Every command writes one file (PNG, PDF or SVG) and prints its name.

    Exit code 0: done. 1: done, but the input could not be read as a whole. 2: unusable input or
    options.

    Examples:
      ctabatch plot camera example:sst1m
      ctabatch plot waveforms gammas.simtel.zst --event 301 --tel 29
      ctabatch plot array dl1 --event 301 -o array.pdf
      ctabatch plot parameters gammas protons --label gammas --label protons
    """,
)

Input = Annotated[
    str, typer.Argument(metavar="INPUT", help="A sim_telarray file, example:NAME, or a dataset.")
]
Event = Annotated[
    int | None, typer.Option("--event", help="Its event_id.  \\[the first with images]")
]
ObsId = Annotated[
    int | None, typer.Option("--obs-id", help="Observation, if several have such an event.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="FILE.png, .pdf or .svg.  \\[named after the input]"),
]
Show = Annotated[
    bool, typer.Option("--show", help="Open a window; write a file only if -o names one.")
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="YAML file of ctabatch process: how images are made of raw data."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@command.command()
def camera(
    source: Input,
    event: Event = None,
    tel: Annotated[
        list[int] | None, typer.Option("--tel", help="A telescope; repeat it for more.")
    ] = None,
    obs_id: ObsId = None,
    n_images: Annotated[
        int, typer.Option("-n", min=1, max=64, help="So many of the brightest telescopes.")
    ] = 4,
    true: Annotated[
        bool, typer.Option("--true", help="Simulated photo-electrons instead of charges.")
    ] = False,
    column: Annotated[
        str | None,
        typer.Option(
            help="Column of dl1/images: image, peak_time, true_image, selected_gain_channel.  "
            "\\[image]"
        ),
    ] = None,
    output: Output = None,
    show: Show = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Camera images: pixels in their shape, cleaning contour, Hillas ellipse, colour bar.

    Examples:
      ctabatch plot camera example:sst1m --event 301
      ctabatch plot camera gammas.simtel.zst -n 9 -o brightest.pdf
      ctabatch plot camera dl1 --event 2304 --tel 7 --column peak_time
    """
    if true and column not in (None, "true_image"):
        raise OptionError("--true and --column exclude each other")
    name = "true_image" if true else column or "image"
    picture = Picture(source, "camera", output, show=show)
    found, losses = _event(source, "images", event, obs_id, tel[0] if tel else None, config)
    from ctabatch.plot.pictures import camera_grid

    images = [found.image(t) for t in tel] if tel else found.images[:n_images]
    figure = camera_grid(found, images, column=name, figure=picture.canvas())
    which = [*(f"tel{t}" for t in tel or ()), *([name] if name != "image" else [])]
    _finish(picture, figure, found, losses, which, as_json)


@command.command()
def waveforms(
    source: Input,
    event: Event = None,
    tel: Annotated[int | None, typer.Option("--tel", help="Telescope.  \\[the brightest]")] = None,
    obs_id: ObsId = None,
    pixel: Annotated[
        int | None, typer.Option(help="Pixel; its neighbours come with it.  \\[the brightest]")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="ADC counts of all gains instead of photo-electrons.")
    ] = False,
    output: Output = None,
    show: Show = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Waveforms of a pixel and its neighbours: integration window, peak, charge and peak time.

    Examples:
      ctabatch plot waveforms example:sst1m
      ctabatch plot waveforms gammas.simtel.zst --event 301 --tel 29 --pixel 770 --raw
    """
    picture = Picture(source, "waveforms", output, show=show)
    need: Need = "raw waveforms" if raw else "waveforms"
    found, losses = _event(source, need, event, obs_id, tel, config)
    from ctabatch.plot.integrator import integrator

    image = found.images[0] if tel is None else found.image(tel)
    figure = integrator(found, image, pixel, raw=raw, figure=picture.canvas())
    which = [f"tel{image.tel_id}", *([] if pixel is None else [f"pixel{pixel}"])]
    _finish(picture, figure, found, losses, which, as_json)


@command.command()
def array(
    source: Input,
    event: Event = None,
    obs_id: ObsId = None,
    output: Output = None,
    show: Show = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The array from above: triggered telescopes, image axes, reconstructed and true core.

    The reconstructed core is that of the table dl2/geometry; without one it is computed.

    Examples:
      ctabatch plot array example:gamma-test-large
      ctabatch plot array dl1 --event 2304 -o array.svg
    """
    picture = Picture(source, "array", output, show=show)
    found, losses = _event(source, "array", event, obs_id, None, config)
    from ctabatch.plot.pictures import array_figure

    figure = array_figure(found, figure=picture.canvas())
    _finish(picture, figure, found, losses, [], as_json)


@command.command()
def parameters(
    datasets: Annotated[
        list[Path], typer.Argument(metavar="DATASET...", help="Datasets with image parameters.")
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="Name of a dataset in the legend, once for each, in order."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns of dl1/parameters, comma-separated.")
    ] = None,
    tel_type: Annotated[
        str | None, typer.Option(help="This telescope type alone.  \\[all, one block each]")
    ] = None,
    output: Output = None,
    show: Show = False,
    as_json: Json = False,
) -> None:
    """Distributions of image parameters per telescope type, one curve for each dataset.

    Examples:
      ctabatch plot parameters dl1
      ctabatch plot parameters gammas protons --label gammas --label protons -o compared.pdf
      ctabatch plot parameters dl1 --columns hillas_width,hillas_length --tel-type LST_LST_LSTCam
    """
    picture = Picture(str(datasets[0]), "parameters", output, show=show)
    if labels and len(labels) != len(datasets):
        raise OptionError(
            f"{len(labels)} labels for {len(datasets)} datasets; give --label once for each"
        )
    from ctabatch.cli.progress import bar
    from ctabatch.dataset import Dataset
    from ctabatch.io.location import location
    from ctabatch.plot.distributions import COLUMNS, parameter_distributions

    places = [str(location(path)) for path in datasets]
    names = labels or places
    if len(set(names)) != len(names):
        raise OptionError("several datasets have the same name in the legend; give each a --label")
    opened = {name: Dataset(path) for name, path in zip(names, places, strict=True)}
    chosen = [name.strip() for name in columns.split(",") if name.strip()] if columns else COLUMNS
    with bar("parameters", quiet=as_json) as progress:
        figure = parameter_distributions(
            opened, chosen, tel_type=tel_type, figure=picture.canvas(), progress=progress
        )
        file = picture.finish(figure, [tel_type] if tel_type else [])
    _say(file, {"datasets": places, "columns": list(chosen)}, as_json)


def _event(
    source: str,
    need: Need,
    event_id: int | None,
    obs_id: int | None,
    tel_id: int | None,
    config_file: Path | None,
) -> tuple[ArrayEvent, list[str]]:
    """The event that is meant, and what could not be read; warnings go to stderr."""
    from ctabatch.cli.process import input_path, read_config
    from ctabatch.io.simtel.losses import Account
    from ctabatch.plot.event_data import Wanted
    from ctabatch.plot.inputs import find_event

    config = None if config_file is None else read_config([config_file], (), {})
    account, wanted = Account(), Wanted(obs_id, event_id, tel_id)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = find_event(input_path(source), wanted, need=need, config=config, account=account)
    for message in sorted({str(warning.message) for warning in caught}):
        typer.echo(f"ctabatch: warning: {message}", err=True)
    return found, [str(loss) for loss in account.losses]


def _finish(
    picture: Picture,
    figure: Any,
    event: ArrayEvent,
    losses: list[str],
    which: list[str],
    as_json: bool,
) -> None:
    file = picture.finish(figure, [f"event{event.event_id}", *which])
    for loss in losses:
        typer.echo(f"ctabatch: lost: {loss}", err=True)
    facts = {
        "obs_id": event.obs_id,
        "event_id": event.event_id,
        "telescopes": sorted(image.tel_id for image in event.images),
        "losses": losses,
    }
    _say(file, facts, as_json)
    raise typer.Exit(WITH_LOSSES if losses else 0)


def _say(file: Path | None, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"file": None if file is None else str(file), **facts}, indent=1))
    elif file is not None:
        typer.echo(f"picture written to {file}")


__all__ = ["command"]
