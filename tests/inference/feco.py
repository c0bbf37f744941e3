"""The statements of the [FeCo] paper (doi 10.1038/s41467-021-25041-4) as a joint problem."""

from dataclasses import replace

from labile.core.material import State
from labile.core.parameters import Parameter, Prior, Tie
from labile.core.units import to_si
from labile.inference.joint_problem import JointProblem, joint_parameters
from labile.inference.objective import Objective, Statement
from labile.models.library import electron_transfer
from labile.techniques.magnetometry import ChiT
from labile.techniques.pyroelectricity import Polarization, PyroelectricCoefficient

STATES = (State("L", 0.0), State("H", 2.0), State("V", 2.0))


def chi(value):
    return to_si(float(value), "cm3 K/mol", "chi_t")


def p(value):
    return to_si(float(value), "nC/cm2/K", "pyroelectric_coefficient")


def polarization(value):
    return to_si(float(value), "uC/cm2", "polarization")


def statements():
    magnetism, slope, change = ChiT("powder", "H"), PyroelectricCoefficient("crystal"), Polarization("crystal")
    rows = [
        ("chi*T(5 K)", magnetism, Statement("value", chi(0.15), chi(0.01), temperatures=(5.0,))),
        ("chi*T(120 K)", magnetism, Statement("value", chi(3.00), chi(0.03), temperatures=(120.0,))),
        ("chi*T(300 K)", magnetism, Statement("value", chi(3.12), chi(0.02), temperatures=(300.0,))),
        ("p peak", slope, Statement("maximum", p(30), p(1), window=(70.0, 110.0))),
        ("p peak position", slope, Statement("maximum_position", 90.0, 1.0, window=(70.0, 110.0))),
        ("p(120 K)", slope, Statement("value", p(3.8), p(0.2), temperatures=(120.0,))),
        ("p(300 K)", slope, Statement("value", p(3.4), p(0.2), temperatures=(300.0,))),
        ("p above", slope, Statement("above", p(2.4), p(0.05), window=(120.0, 300.0))),
        ("p below", slope, Statement("below", p(5.0), p(0.05), window=(120.0, 300.0))),
        ("p < 60 K", slope, Statement("below", p(0.3), p(0.05), window=(20.0, 60.0))),
        ("dP step", change, Statement("difference", polarization(0.4), polarization(0.02), temperatures=(20.0, 120.0))),
        ("dP 300", change, Statement("difference", polarization(1.15), polarization(0.03), temperatures=(20.0, 300.0))),
    ]
    return tuple(
        Objective(
            label,
            observable,
            statement=statement,
            technique="magnetometry" if isinstance(observable, ChiT) else "pyroelectricity",
            sample=observable.sample,
        )
        for label, observable, statement in rows
    )


def joint(form, changes, width=""):
    model = electron_transfer(STATES, form=form)
    objectives = tuple(replace(objective, width=width) for objective in statements())
    parameters = joint_parameters(model, objectives).updated(
        [
            *changes,
            Parameter("H-V.enthalpy", 4e3, lower=0.0),
            # uniform between 0 and R ln 3 has mean 4.57 and standard deviation 2.64 J/K/mol
            Parameter("H-V.entropy", 4.57, lower=0.0, prior=Prior(4.57, 2.64)),
            Parameter("H.chi_t", chi(3.0), fixed=True),
            Parameter("V.chi_t", chi(3.4), lower=chi(2.5), upper=chi(5)),
            Parameter("powder.residual_fraction", 0.05, lower=0.0, upper=0.3),
            Parameter("crystal.residual_fraction", tie=Tie("powder.residual_fraction")),
            Parameter("H.polarization", polarization(0.3)),
            Parameter("V.polarization", polarization(3.0)),
        ]
    )
    return JointProblem(model, objectives, parameters)


def domain_step():
    return joint("domain_step", [Parameter("H.enthalpy", 25e3), Parameter("H.t_half", 90.0)])


def mean_field(width=""):
    changes = [
        Parameter("H.enthalpy", 50 * 89.0),
        Parameter("H.entropy", 50.0, fixed=True),
        Parameter("L-H.interaction", 1000.0, lower=0.0, upper=1480.0),
        Parameter("H-V.interaction", 0.0, fixed=True),
    ]
    if width:
        changes.append(Parameter(width, 3.0, lower=0.0, upper=20.0))
    return joint("regular_solution", changes, width)
