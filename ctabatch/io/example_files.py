"""What the public example files are: names, digests and what each holds.

All of them are in the source distribution ``eventio==1.11.0`` (MIT licence), under
``tests/resources``. Counts are those of the objects in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ARCHIVE_REQUIREMENT = "eventio==1.11.0"
ARCHIVE_FILE = "eventio-1.11.0.tar.gz"
ARCHIVE_SIZE = 86_608_804
ARCHIVE_SHA256 = "7197753b11ea8bcdd9835fc5427e1b835422e7529028987a28cb7168bb425b3b"
#: Folder of the example files inside the archive.
ARCHIVE_FOLDER = "eventio-1.11.0/tests/resources"


@dataclass(frozen=True, slots=True)
class Example:
    """One public file: its name, digest, size in bytes and what it holds."""

    file: str
    sha256: str
    size: int
    holds: str
    kind: Literal["simtel", "corsika"] = "simtel"


_SST1M = "gamma_20deg_0deg_run102___cta-prod4-sst-1m_desert-2150m-Paranal-sst-1m.simtel"
_ASTRI = "gamma_20deg_0deg_run103___cta-prod4-sst-astri_desert-2150m-Paranal-sst-astri.simtel"

#: Short name -> file.
EXAMPLES: dict[str, Example] = {
    "sst1m": Example(
        f"{_SST1M}.zst",
        "44ced80d963da18a99f606a350d328ea906a375926d1c5e36e4de3337c8f61ab",
        6_383_034,
        "prod4, 70 SST-1M telescopes: 31 events, 129 telescope events, true images",
    ),
    "sst1m-gz": Example(
        f"{_SST1M}.gz",
        "50b24d120083e3c51067bc807a423a4b3c4abf8480ebb3fc0c06cbebc3dfd4c7",
        6_688_055,
        "the same as sst1m, compressed with gzip",
    ),
    "astri": Example(
        f"{_ASTRI}.gz",
        "742f0d3f5c6e3607c367be47a35be22b51b5c3d4352bda4e777103af5a1a5173",
        8_205_247,
        "prod4, 70 ASTRI telescopes: 3 events, 8 telescope events, sums instead of samples",
    ),
    "prod6": Example(
        "gamma_prod6_tel_event_header_v4.simtel.zst",
        "4fb83ddce3923f61e8a422a69855b02056b08aecc150d5a6c39f26702c02f284",
        3_675_880,
        "prod6, 43 telescopes, telescope event header version 4: 1 event, 7 telescope events",
    ),
    "gamma-test": Example(
        "gamma_test.simtel.gz",
        "6f0c6dc0c84d854cb7ad92a5619ec02a1c34a1227277340c2a3bcf8e6ca933e3",
        14_430_609,
        "126 telescopes of 3 types, two runs in one file, cut: 9 whole events and part of one",
    ),
    "gamma-test-large": Example(
        "gamma_test_large_truncated.simtel.gz",
        "a76357453074ff7909213a1acbbcb0167c4b1ab8000c638135b72d294f6e732f",
        10_485_760,
        "98 telescopes of 3 types, six runs in one file, cut: 6 events, 43 telescope events",
    ),
    "merged": Example(
        "gamma_merged.simtel.gz",
        "e2fa3a808a06107e775a1dfc6bcc2d0beb433ea9956d1986ba3b4b2dfcf35408",
        2_802_251,
        "194 telescopes of 4 types, several run headers, showers but no triggered event",
    ),
    "history-meta": Example(
        "history_meta_75.simtel.zst",
        "2c235d58a1a8beede4d6256ed103d084020501578ef67dc2beab22b3b8e7e8f0",
        3_915_844,
        "19 telescopes, history with metadata records: 1 event, 15 telescope events",
    ),
    "camera-settings-v6": Example(
        "camsettings_v6.simtel.zst",
        "83cb1ea018099365f1fbb41af977eff6d288acca7fb99829a76857e59e83b99f",
        3_306_121,
        "19 telescopes, camera settings version 6: 1 event, 9 telescope events",
    ),
    "pixel-settings-v3": Example(
        "prod4_pixelsettings_v3.gz",
        "3335206493bcc054f7e6225b8c114ac8a4ed83fa38260d5f1cf9fd956d06f7b3",
        1_812_196,
        "one telescope of 1855 pixels, pixel settings version 3: 10 events",
    ),
    "camera-organisation-v2": Example(
        "test_camorganv2.simtel.gz",
        "27f27ef2469e8cb344fe688de7f7f419ed4b1e3c881f7490065cbff516e7e317",
        828_934,
        "headers of 125 telescopes and nothing after them",
    ),
    "laser-calibration-v3": Example(
        "test_lasercal_v3.simtel.gz",
        "24913168f8decffceed74bf92e9fea8957b6956d672a039e8fda8b66ffb23cce",
        2_342_912,
        "4 telescopes, laser calibration version 3, cut: 3 whole events and part of one",
    ),
    "pixel-monitoring": Example(
        "type2033.simtel.zst",
        "8a1bd6517e08b4b7bcedd04e6720fd1cca1ce4a5146ef527655f7f1bda2c7ce3",
        6_830_068,
        "79 telescopes of 3 types with pixel monitoring: 1 event, 14 telescope events",
    ),
    "hv-disabled": Example(
        "n_hv_disabled.simtel.gz",
        "22e93519af457b67b6efa6a45c26878b54c028a4849aeb626e6257a79ce8b289",
        325_859,
        "one camera of 7987 pixels, some with the high voltage off: 1 event, a proton",
    ),
    "lst-muons": Example(
        "lst_muons_with_true_photons.simtel.zst",
        "6b88157969f36623724a16ec805a8a763cedc9b70419e596efc5edcd509b5411",
        771_159,
        "one LST: 3 muons, with the true photons",
    ),
    "lst-photons": Example(
        "lst_with_photons.simtel.zst",
        "f3aa40ebfa553cb2a235edb8250fe3997e1623b11fe52786dec40a41d9b979d1",
        296_610,
        "one LST: 1 muon, with the true photons",
    ),
    "calibration": Example(
        "calib_events.simtel.gz",
        "0554c5333bb6a1a23ef890e7c7c2ec4afcff8be318342e925dc0f71b9ebaf9b4",
        1_705_442,
        "7 telescopes of 6 camera sizes: 1 calibration event, no shower event",
    ),
    "calibration-true": Example(
        "calib_true_pe.simtel.zst",
        "ea3c3844d6a35834913e952cffe47b8b1f100defa193daf6721f07a25eb2995c",
        321_735,
        "one telescope: 2 calibration events with true photoelectrons, no shower event",
    ),
    "corsika-sst": Example(
        "run102_gamma_za20deg_azm0deg-paranal-sst.corsika.zst",
        "fff56eec73ff47fb79e22450cfde584b8b880e4abea756418fe47af49c33756e",
        12_762_458,
        "CORSIKA photon bunches behind sst1m: 20 showers used 10 times each",
        "corsika",
    ),
    "corsika-reuse": Example(
        "3_gammas_reuse_5.dat",
        "f4b5e54c1144e9faadd43ccfa18ba87ab1c2e0fa8cf448c5507879d588219b1d",
        376_024,
        "CORSIKA photon bunches: 3 showers used 5 times each",
        "corsika",
    ),
    "corsika-gamma": Example(
        "gamma_100gev_1216.eventio",
        "287be6668e14c9da931fabf89b8573e2902cba1561b1e34ee1a6acab1efd0a0e",
        35_484,
        "CORSIKA photon bunches: one shower, with an atmospheric profile",
        "corsika",
    ),
    "corsika-one": Example(
        "one_shower.dat",
        "be1225827e0e8372aa245b65e1ec8bf684cddf91e0b1893fca8284086f954e7d",
        10_052,
        "CORSIKA photon bunches: one shower",
        "corsika",
    ),
    "corsika-one-gz": Example(
        "one_shower.dat.gz",
        "a590dec2770c136213d9b5b446c705388d382aa994aa92e478e89a9bb4083c00",
        5_599,
        "the same as corsika-one, compressed with gzip",
        "corsika",
    ),
    "corsika-proton": Example(
        "proton_500GeV_iactext.eventio.gz",
        "22b1b8f137d648105f21c0a0f91b6041eebb549466722fac733bb6b352276c2e",
        163_863,
        "CORSIKA photon bunches: one proton shower",
        "corsika",
    ),
    "corsika-two-telescopes": Example(
        "two_telescopes.dat",
        "b15969065098f7dfb4ef6884f3cfb5162f0e697e88eabc4f1f874b465730dffa",
        211_188,
        "CORSIKA photon bunches: two showers on two telescopes",
        "corsika",
    ),
}
