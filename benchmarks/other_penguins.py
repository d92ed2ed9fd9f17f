"""Mean measurements of penguins that the model does not know, by sex, with where they come from.

Bill length, bill depth, flipper length in mm, body mass in g. Measuring methods differ between authors by a few per
cent (exposed culmen or to the feathers, depth at the gonys or at the nostrils, flipper from the axilla or the
shoulder), and masses by a quarter over a season.

`checked` says that the bill lengths of both sexes stand in a text that was at hand. `source` names that text and the
numbers read in it, and the comments say what other texts have. A number called "memory" is from memory of the named
book, and uncertain until somebody has looked it up; so is every number that neither `source` nor a comment mentions.
No text at hand gives bill depths by sex, except Hull for two species, and AVONET for a few museum skins. Of AVONET
only the depths are used: its bills are measured from the skull and its wings from the bend (memory).
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


_WILLIAMS: Final = "Williams 1995, The Penguins, species account (memory)"
_LISLEVAND: Final = "Lislevand et al. 2007, Ecology 88: 1605, the table of Ecological Archives E088-096"
"""Means by sex, without bill depths. Read in a copy, gzahn/Data_Course on GitHub, Data/Bird_Measurements.csv, that
does not name its source: it has the columns of the table."""
_AVONET: Final = "AVONET (Tobias et al. 2022), raw data"
"""Read in a copy: Sknxama/bird_dip_project on GitHub, data/avonet.csv. One row for each museum skin."""
_HULL: Final = "Hull 1996, Marine Ornithology 24: 23-27, its abstract (Macquarie Island; ranges that do not overlap)"
_PENGUINWORLD: Final = "penguinworld.com/types"

OTHERS: Final = (
    OtherPenguin(
        "emperor",
        (81.5, 17.0, 362.0, 38_200.0),
        (80.4, 18.4, 347.0, 29_500.0),
        0.99,
        f"{_LISLEVAND}: bill length, flipper, mass; {_AVONET}: bill depth",
        # Depth: two skins of each sex (17.7, 16.3; 20.2, 16.6). Memory had 25 and 24.
        # Mass: Wikipedia (liquisearch.com/emperor_penguin/description) agrees, 38 and 29.5 kg before breeding, and has
        # 23 kg for both sexes after it.
        checked=True,
    ),
    OtherPenguin(
        "king",
        (137.0, 17.7, 341.0, 12_800.0),
        (127.6, 18.1, 329.0, 11_500.0),
        0.99,
        f"{_LISLEVAND}: bill length and flipper (25 of each sex), mass (7 and 10); {_AVONET}: bill depth",
        # Depth: three males (17.5, 17.5, 18.1), two females (18.6, 17.5). Memory had 32 and 29.
        # Bill length: the texts disagree. The five skins of AVONET have 102 to 110, Wikipedia says 120 to 130.
        # Mass: Wikipedia (King penguin) has 12.4 and 11.1 kg on Marion Island; mygardenzoo.blogspot.com (2018) has 15
        # to 16 kg for both sexes when courtship begins, and 13 and 11 kg when it ends.
        checked=True,
    ),
    OtherPenguin(
        "royal",
        (70.4, 31.4, 190.0, 4_500.0),
        (59.3, 26.0, 184.0, 4_000.0),
        0.99,
        f"{_HULL}: middle of the bill lengths and depths; {_LISLEVAND}: mass; flipper: memory",
        # Hull's ranges. Length: 67.0 to 73.8, 55.8 to 62.7. Depth: 29.3 to 33.5, 24.3 to 27.7.
        checked=True,
    ),
    OtherPenguin(
        "little",
        (35.7, 14.6, 118.1, 1_243.7),
        (34.5, 12.5, 117.0, 1_085.2),
        0.99,
        f"{_LISLEVAND}: bill length, flipper, mass; bill depth: {_WILLIAMS}",
        # Depth: the sexes part at 13.33 (Arnould, Dann, Cullen 2004, Emu 104, abstract), here at 13.55. Seven skins of
        # unknown sex in AVONET have 11.9 to 14.9, mean 13.7.
        checked=True,
    ),
    OtherPenguin(
        "African",
        (60.5, 24.6, 190.0, 3_600.0),
        (55.5, 20.8, 185.0, 3_200.0),
        0.99,
        f"{_LISLEVAND}: bill length (41 and 25 birds), mass (18 of each sex); bill depth, flipper: {_WILLIAMS}",
        # Depth: a male skin in AVONET has 23.9, four of unknown sex 23.2 to 27.1. Two ways to measure it differ by 1.4
        # on average (Campbell, Farah, Collins, Parsons, doi 10.2989/00306525.2015.1108371, abstract).
        checked=True,
    ),
    OtherPenguin(
        "Humboldt",
        (66.0, 27.0, 174.0, 4_700.0),
        (61.0, 23.8, 167.0, 4_050.0),
        0.99,
        "Zavalaga, Paredes 1997, J. Field Ornithol. 68: 102-112 (memory; abstract: the sexes part at a bill of 63.1)",
        # Mass: read, 4.7 kg (165 males) and 4.05 kg (123 females), Wikipedia (kampuspedia.com/Penguin_humboldt).
        # A female skin in AVONET has a depth of 24.7, four of unknown sex 16.7 to 26.1.
    ),
    OtherPenguin(
        "Galapagos",
        (58.0, 20.0, 118.0, 2_100.0),
        (54.0, 17.0, 114.0, 1_700.0),
        0.99,
        f"Cappello, Boersma 2018, Endang. Species Res. 35 (memory; its abstract has no means); mass: {_PENGUINWORLD}",
        # Mass: 2.1 and 1.7 kg (galapagos.html). Memory had 1.87 kg for females.
        # Depth: four skins of unknown sex in AVONET have 15.8, 16.8, 17.1, 20.2.
    ),
    OtherPenguin(
        "Snares",
        (58.8, 28.0, 183.0, 3_300.0),
        (52.3, 23.6, 178.0, 2_800.0),
        0.99,
        f"{_WILLIAMS}; mass: {_PENGUINWORLD}",
        # Mass: 3.3 and 2.8 kg (snares.html). Memory had 3.4 kg for males.
        # Depth: a male skin in AVONET has 27.1, three of unknown sex 22.4 to 27.3.
    ),
    OtherPenguin(
        "erect-crested",
        (58.6, 26.2, 213.0, 5_200.0),
        (52.5, 22.8, 208.0, 5_100.0),
        0.99,
        _WILLIAMS,
        # One bird of unknown sex, far from home: bill 52.2, flipper 215 (Brown 1983, A Record of the Erect-crested
        # Penguin Eudyptes sclateri from Phillip Island, Victoria, docslib.org/doc/10719123).
        # Depth: three skins of unknown sex in AVONET have 26.8, 27.2, 27.6, all more than here.
    ),
    OtherPenguin(
        "macaroni",
        (61.4, 26.0, 201.0, 4_760.0),
        (53.7, 22.0, 195.0, 5_210.0),
        0.93,
        f"{_LISLEVAND}: bill length, mass; bill depth, flipper: {_WILLIAMS}",
        # Bill length: Wikipedia (guywooles.wixsite.com/paperpenguins/macaroni-penguin) has 61 and 54, and masses from
        # 3.3 to 6.4 kg (male) and 3.2 to 5.7 kg (female) over the year.
        # Depth: two male skins in AVONET have 18.8 and 28.1, three of unknown sex 21.2 to 26.0.
        checked=True,
    ),
    OtherPenguin(
        "southern rockhopper",
        (46.5, 21.8, 167.0, 2_500.0),
        (41.1, 17.8, 161.0, 2_440.0),
        0.93,
        f"{_LISLEVAND}: bill length, flipper, mass; {_HULL}: middle of the bill depths",
        # Bill length: the texts disagree. Hull's ranges, 46.2 to 51.2 and 38.5 to 42.2, have their middles at 48.7 and
        # 40.4, but leave out the birds where the sexes overlap, so that the means above are preferred.
        # Depth: Hull's ranges are 20.3 to 23.3 and 16.7 to 18.8. Mass: penguinworld.com/types has 2.5 and 2.4 kg.
        checked=True,
    ),
    OtherPenguin(
        "northern rockhopper",
        (47.0, 20.5, 179.0, 2_900.0),
        (41.0, 18.0, 173.0, 2_500.0),
        0.93,
        "Poisbleau et al. 2010, Ardea 98: 217-224, and references there (memory; what was at hand has no means)",
        # Skins in AVONET: three males, depth 22.0, 22.0, 19.9, bill from the skull 54.7, 52.0, 59.9; two females,
        # depth 19.6, 18.6, bill 51.5, 49.0. Five southern males have 51.4 on average there, so that 47 and 41 may be
        # too small. Steinfurth et al. 2019, Endang. Species Res. 39: 293-302, should have the means; only its abstract
        # was at hand.
    ),
    OtherPenguin(
        "Magellanic",
        (58.8, 24.5, 195.0, 4_470.0),
        (54.5, 20.8, 186.0, 3_770.0),
        0.93,
        f"{_LISLEVAND}: bill length, flipper, mass; bill depth: {_WILLIAMS}",
        # Depth: five skins of unknown sex in AVONET have 21.4 to 26.3, mean 23.4; here the middle is 22.7.
        checked=True,
    ),
    OtherPenguin(
        "yellow-eyed",
        (54.4, 20.5, 209.0, 5_530.0),
        (52.8, 19.0, 204.0, 5_130.0),
        0.93,
        f"{_LISLEVAND}: bill length, flipper; mass: penguins.mwmk.one/bird/yeepen1; bill depth: {_WILLIAMS}",
        # Mass: the texts disagree. Lislevand has 8.5 and 7.5 kg; Wikipedia (liquisearch.com) says 5.5 to 8 kg before
        # the moult, 3 to 6 kg after it.
        # Depth: two male skins in AVONET have 20.0 and 19.7, two of unknown sex 20.7 and 19.7.
        checked=True,
    ),
    OtherPenguin(
        "Fiordland",
        (51.1, 25.6, 185.7, 4_530.0),
        (45.0, 22.0, 178.5, 4_030.0),
        0.93,
        f"{_LISLEVAND}: bill length, flipper, mass; bill depth: {_WILLIAMS}",
        # Length and depth: the texts disagree. The sexes part at 44.5 and 25.5 (White et al. 2021, Field sexing
        # techniques for Fiordland crested penguins, Notornis, abstract), or at a depth of 24
        # (nzbirdsonline.org.nz/species/fiordland-crested-penguin); here at 48.1 and 23.8. Skins in AVONET have a depth
        # of 27.7 (male), 23.8 and 21.2 (females).
        # Mass: Wikipedia (liquisearch.com/fiordland_penguin/description) has 3.7 kg on average for both sexes.
        checked=True,
    ),
)
