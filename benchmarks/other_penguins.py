"""Mean measurements of penguins that the model does not know, by sex, with where they come from.

Bill length, bill depth, flipper length in mm, body mass in g. Measuring methods differ between authors by a few per
cent (exposed culmen or to the feathers, depth at the gonys or at the nostrils, flipper from the axilla or the
shoulder), and masses by a quarter over a season. `checked` says whether the text of the source was at hand for the
bill; every other number is from memory of the source, and stands here as uncertain until somebody has looked it up.
Where only an abstract was at hand, `source` says what it confirms.
"""

from dataclasses import dataclass
from typing import Final

Means = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class OtherPenguin:
    """A species with its mean male and female. `floor`: the share that must be flagged or refused."""

    name: str
    male: Means
    female: Means
    floor: float
    source: str
    checked: bool = False


_WILLIAMS: Final = "Williams 1995, The Penguins, species account"
_ARNOULD: Final = "Arnould, Dann, Cullen 2004, Emu 104 (its abstract: the sexes part at a bill depth of 13.33 mm)"

OTHERS: Final = (
    OtherPenguin("emperor", (81.0, 25.0, 360.0, 36_700.0), (80.0, 24.0, 350.0, 28_400.0), 0.99, _WILLIAMS),
    OtherPenguin("king", (137.0, 32.0, 343.0, 16_000.0), (129.0, 29.0, 332.0, 14_300.0), 0.99, _WILLIAMS),
    OtherPenguin(
        "royal",
        (70.0, 31.0, 190.0, 5_300.0),
        (60.0, 26.0, 184.0, 5_000.0),
        0.99,
        "Hull 1996, Marine Ornithology 24: 23-27 (middle of the ranges that do not overlap; flipper, mass: Williams)",
        checked=True,
    ),
    OtherPenguin(
        "little", (34.5, 14.6, 117.0, 1_170.0), (32.4, 12.5, 115.0, 1_050.0), 0.99, f"{_WILLIAMS}; {_ARNOULD}"
    ),
    OtherPenguin("African", (61.0, 24.6, 190.0, 3_300.0), (57.0, 20.8, 185.0, 3_000.0), 0.99, _WILLIAMS),
    OtherPenguin(
        "Humboldt",
        (66.0, 27.0, 174.0, 4_700.0),
        (61.0, 23.8, 167.0, 4_050.0),
        0.99,
        "Zavalaga, Paredes 1997, J. Field Ornithol. 68: 102-112 (its abstract: the sexes part at a bill of 63.1 mm)",
    ),
    OtherPenguin(
        "Galapagos",
        (58.0, 20.0, 118.0, 2_100.0),
        (54.0, 17.0, 114.0, 1_870.0),
        0.99,
        "Cappello, Boersma 2018, Endang. Species Res. 35 (mass: Williams)",
    ),
    OtherPenguin("Snares", (58.8, 28.0, 183.0, 3_400.0), (52.3, 23.6, 178.0, 2_800.0), 0.99, _WILLIAMS),
    OtherPenguin("erect-crested", (58.6, 26.2, 213.0, 5_200.0), (52.5, 22.8, 208.0, 5_100.0), 0.99, _WILLIAMS),
    OtherPenguin(
        "macaroni",
        (61.0, 26.0, 201.0, 5_200.0),
        (54.0, 22.0, 195.0, 5_300.0),
        0.93,
        f"{_WILLIAMS} (the bills: 61 and 54 mm)",
        checked=True,
    ),
    OtherPenguin(
        "southern rockhopper",
        (48.7, 21.8, 170.0, 2_700.0),
        (40.4, 17.8, 165.0, 2_500.0),
        0.93,
        "Hull 1996 (Macquarie Island; middle of the ranges that do not overlap; flipper, mass: Williams)",
        checked=True,
    ),
    OtherPenguin(
        "northern rockhopper",
        (47.0, 20.5, 179.0, 2_900.0),
        (41.0, 18.0, 173.0, 2_500.0),
        0.93,
        "Poisbleau et al. 2010, Ardea 98: 217-224, and references there",
    ),
    OtherPenguin("Magellanic", (58.0, 24.5, 200.0, 4_900.0), (54.0, 20.8, 192.0, 4_600.0), 0.93, _WILLIAMS),
    OtherPenguin("yellow-eyed", (55.2, 20.5, 214.0, 5_530.0), (53.7, 19.0, 207.0, 5_130.0), 0.93, _WILLIAMS),
    OtherPenguin("Fiordland", (50.6, 25.6, 186.0, 4_100.0), (45.3, 22.0, 181.0, 3_700.0), 0.93, _WILLIAMS),
)
