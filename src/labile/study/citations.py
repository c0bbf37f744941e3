"""The literature behind a study: BibTeX of every method, model and library it used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labile.study.results import Citation

_DOI = re.compile(r"10\.\d{4,9}/[^\s,;\"<>]+")


@dataclass(frozen=True)
class _Entry:
    key: str
    kind: str
    doi: str
    fields: tuple[tuple[str, str], ...]

    def bibtex(self) -> str:
        lines = [f"  {name} = {{{value}}}" for name, value in self.fields]
        if self.doi:
            lines.append(f"  doi = {{{self.doi}}}")
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}"


def _article(key: str, doi: str, author: str, title: str, journal: str, year: int, volume: str, pages: str) -> _Entry:
    fields = (("author", author), ("title", title), ("journal", journal), ("year", str(year)), ("volume", volume),
              ("pages", pages))  # fmt: skip
    return _Entry(key, "article", doi, tuple((n, v) for n, v in fields if v))


LITERATURE = (
    _article("SlichterDrickamer1972", "10.1063/1.1677511", "Slichter, C. P. and Drickamer, H. G.",
             "Pressure-Induced Electronic Changes in Compounds of Iron", "J. Chem. Phys.", 1972, "56", "2142--2160"),
    _article("SoraiSeki1974", "10.1016/S0022-3697(74)80010-7", "Sorai, M. and Seki, S.",
             "Phonon coupled cooperative low-spin 1A1 high-spin 5T2 transition in [Fe(phen)2(NCS)2] and"
             " [Fe(phen)2(NCSe)2] crystals", "J. Phys. Chem. Solids", 1974, "35", "555--570"),
    _article("RealBolvin1992", "10.1021/ja00038a031", "Real, J. A. and Bolvin, H. and Bousseksou, A. and others",
             "Two-step spin crossover in the new dinuclear compound [Fe(bt)(NCS)2]2bpym, with bt = 2,2'-bi-2-thiazoline"
             " and bpym = 2,2'-bipyrimidine: experimental investigation and theoretical approach", "J. Am. Chem. Soc.",
             1992, "114", "4650--4658"),
    _article("Gutlich2013", "10.3762/bjoc.9.39", "G{\\\"u}tlich, P. and Gaspar, A. B. and Garcia, Y.",
             "Spin state switching in iron coordination compounds", "Beilstein J. Org. Chem.", 2013, "9", "342--391"),
    _article("Sadhukhan2021", "10.1038/s41467-021-25041-4",
             "Sadhukhan, P. and Wu, S.-Q. and Kanegawa, S. and others",
             "Manipulating electron redistribution to achieve electronic pyroelectricity in molecular [FeCo] crystals",
             "Nat. Commun.", 2021, "12", "4836"),
    _article("BainBerry2008", "10.1021/ed085p532", "Bain, G. A. and Berry, J. F.",
             "Diamagnetic Corrections and Pascal's Constants", "J. Chem. Educ.", 2008, "85", "532--536"),
    _article("SavitzkyGolay1964", "10.1021/ac60214a047", "Savitzky, A. and Golay, M. J. E.",
             "Smoothing and Differentiation of Data by Simplified Least Squares Procedures", "Anal. Chem.", 1964,
             "36", "1627--1639"),
    _article("LubomirskyStafsudd2012", "10.1063/1.4709621", "Lubomirsky, I. and Stafsudd, O.",
             "Invited Review Article: Practical guide for pyroelectric measurements", "Rev. Sci. Instrum.", 2012,
             "83", "051101"),
    _article("ByerRoundy1972", "10.1080/00150197208235326", "Byer, R. L. and Roundy, C. B.",
             "Pyroelectric coefficient direct measurement technique and application to a nsec response time detector",
             "Ferroelectrics", 1972, "3", "333--338"),
    _article("SharpGarn1982", "10.1063/1.330455", "Sharp, E. J. and Garn, L. E.",
             "Use of low-frequency sinusoidal temperature waves to separate pyroelectric currents from nonpyroelectric"
             " currents. Part II. Experiment", "J. Appl. Phys.", 1982, "53", "8980--8987"),
    _article("Whatmore1986", "10.1088/0034-4885/49/12/002", "Whatmore, R. W.",
             "Pyroelectric devices and materials", "Rep. Prog. Phys.", 1986, "49", "1335--1386"),
    _article("Bowen2014", "10.1039/c4ee01759e", "Bowen, C. R. and Taylor, J. and LeBoulbar, E. and others",
             "Pyroelectric materials and devices for energy harvesting applications", "Energy Environ. Sci.", 2014,
             "7", "3836--3856"),
    _Entry("More1978", "incollection", "10.1007/BFb0067700",
           (("author", "Mor{\\'e}, J. J."), ("title", "The Levenberg-Marquardt algorithm: Implementation and theory"),
            ("booktitle", "Numerical Analysis, Lecture Notes in Mathematics 630"), ("publisher", "Springer"),
            ("year", "1978"), ("pages", "105--116"))),
    _article("Schwarz1978", "10.1214/aos/1176344136", "Schwarz, G.", "Estimating the Dimension of a Model",
             "Ann. Stat.", 1978, "6", "461--464"),
    _article("HurvichTsai1989", "10.1093/biomet/76.2.297", "Hurvich, C. M. and Tsai, C.-L.",
             "Regression and time series model selection in small samples", "Biometrika", 1989, "76", "297--307"),
    _article("NumPy2020", "10.1038/s41586-020-2649-2", "Harris, C. R. and Millman, K. J. and others",
             "Array programming with NumPy", "Nature", 2020, "585", "357--362"),
    _article("SciPy2020", "10.1038/s41592-019-0686-2", "Virtanen, P. and Gommers, R. and others",
             "SciPy 1.0: fundamental algorithms for scientific computing in Python", "Nat. Methods", 2020, "17",
             "261--272"),
    _Entry("Numba2015", "inproceedings", "10.1145/2833157.2833162",
           (("author", "Lam, S. K. and Pitrou, A. and Seibert, S."),
            ("title", "Numba: a LLVM-based Python JIT compiler"),
            ("booktitle", "Proc. Second Workshop on the LLVM Compiler Infrastructure in HPC"), ("year", "2015"))),
    _article("xarray2017", "10.5334/jors.148", "Hoyer, S. and Hamman, J.",
             "xarray: N-D labeled Arrays and Datasets in Python", "J. Open Res. Softw.", 2017, "5", "10"),
    _article("Matplotlib2007", "10.1109/MCSE.2007.55", "Hunter, J. D.", "Matplotlib: A 2D Graphics Environment",
             "Comput. Sci. Eng.", 2007, "9", "90--95"),
    _article("gemmi2022", "10.21105/joss.04200", "Wojdyr, M.",
             "GEMMI: A library for structural biology", "J. Open Source Softw.", 2022, "7", "4200"),
)  # fmt: skip
"""Entries by DOI; anything else is cited by its DOI alone."""


def labile_citation(version: str) -> Citation:
    """Entry of the program itself, at one version."""
    entry = _Entry("labile", "software", "", (("author", "{The labile developers}"), ("title", "labile"),
                                               ("version", version), ("year", "2026")))  # fmt: skip
    return Citation("labile", "", "this program", entry.bibtex())


def cite(reference: str, used_for: str) -> Citation:
    """Citation of a DOI, of a key of `LITERATURE`, or of a reference in words.

    Examples
    --------
    >>> cite("10.1063/1.1677511", "model").key
    'SlichterDrickamer1972'
    """
    match = _DOI.search(reference)
    doi = _balanced(match.group()) if match else ""
    for entry in LITERATURE:
        if reference == entry.key or (doi and doi.lower() == entry.doi.lower()):
            return Citation(entry.key, entry.doi, used_for, entry.bibtex())
    key = "ref_" + re.sub(r"[^A-Za-z0-9]+", "_", doi or reference)[:40].strip("_")
    note = "" if reference.strip() == doi else re.sub(r"[{}]", "", reference)
    entry = _Entry(key, "misc", doi, (("note", note),) if note else ())
    return Citation(key, doi, used_for, entry.bibtex())


def _balanced(doi: str) -> str:
    """Drop a full stop or closing bracket that belongs to the sentence and not to the DOI."""
    doi = doi.rstrip(".")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".")
    return doi


def unique(citations: Iterable[Citation]) -> tuple[Citation, ...]:
    """Each entry once, with everything it was used for."""
    merged: dict[str, Citation] = {}
    for one in citations:
        if one.key in merged and one.used_for not in merged[one.key].used_for:
            old = merged[one.key]
            merged[one.key] = Citation(old.key, old.doi, f"{old.used_for}; {one.used_for}", old.bibtex)
        else:
            merged.setdefault(one.key, one)
    return tuple(merged.values())


def study_citations(
    references: Sequence[str],
    models: Sequence[tuple[str, Sequence[str]]],
    engine: Sequence[str],
    techniques: Iterable[str],
    reductions: Iterable[str],
    compared: bool,
    version: str,
    methods: Sequence[tuple[str, str]] = (),
) -> tuple[Citation, ...]:
    """Everything a study rests on.

    Parameters
    ----------
    references : sequence of str
        DOIs or words from the manifest and from its statements.
    models : sequence of (str, sequence of str)
        Name and DOIs of each model fitted.
    engine : sequence of str
        Keys of the fit engine; empty when nothing was fitted.
    techniques, reductions : iterable of str
        Techniques of the study; those of them whose raw data were reduced.
    compared : bool
        Whether information criteria were used.
    version : str
        Of labile.
    methods : sequence of (str, str)
        DOI or key, and what it was used for, of methods that only some studies use.

    Returns
    -------
    tuple of Citation
    """
    found = [labile_citation(version)]
    found += [cite(r, "data of this study") for r in references if r.strip()]
    for name, dois in models:
        found += [cite(doi, f"model {name}") for doi in dois]
    found += [cite(key, "least squares") for key in engine]
    reduced = set(reductions)
    if "magnetometry" in reduced:
        found.append(cite("BainBerry2008", "diamagnetic corrections"))
    if "pyroelectricity" in set(techniques):
        found.append(cite("LubomirskyStafsudd2012", "pyroelectric measurements"))
    if "pyroelectricity" in reduced:
        found.append(cite("SavitzkyGolay1964", "heating rate"))
    found += [cite(reference, used_for) for reference, used_for in methods]
    if compared:
        found += [cite("Schwarz1978", "BIC"), cite("HurvichTsai1989", "AICc")]
    found.append(cite("NumPy2020", "arrays"))
    if engine:
        found += [cite("SciPy2020", "special functions, linear algebra"), cite("Numba2015", "compiled minima")]
    found += [cite("xarray2017", "results.nc"), cite("Matplotlib2007", "figures")]
    return unique(found)
