"""The works that the rules, neurons and experiments cite."""

from __future__ import annotations

from spikehebb.core import Frozen, Reference

BELL_1997 = Reference(
    key="bell1997",
    authors=("Bell, Curtis C.", "Han, Victor Z.", "Sugawara, Yoshiko", "Grant, Kirsty"),
    title="Synaptic plasticity in a cerebellum-like structure depends on temporal order",
    journal="Nature",
    year=1997,
    volume="387",
    pages="278-281",
    doi="10.1038/387278a0",
)

BI_1998 = Reference(
    key="bi1998",
    authors=("Bi, Guo-qiang", "Poo, Mu-ming"),
    title="Synaptic modifications in cultured hippocampal neurons: dependence on spike timing, synaptic "
    "strength, and postsynaptic cell type",
    journal="Journal of Neuroscience",
    year=1998,
    volume="18",
    pages="10464-10472",
    doi="10.1523/JNEUROSCI.18-24-10464.1998",
)

BI_2001 = Reference(
    key="bi2001",
    authors=("Bi, Guo-qiang", "Poo, Mu-ming"),
    title="Synaptic modification by correlated activity: Hebb's postulate revisited",
    journal="Annual Review of Neuroscience",
    year=2001,
    volume="24",
    pages="139-166",
    doi="10.1146/annurev.neuro.24.1.139",
)

BIENENSTOCK_1982 = Reference(
    key="bienenstock1982",
    authors=("Bienenstock, Elie L.", "Cooper, Leon N.", "Munro, Paul W."),
    title="Theory for the development of neuron selectivity: orientation specificity and binocular interaction "
    "in visual cortex",
    journal="Journal of Neuroscience",
    year=1982,
    volume="2",
    pages="32-48",
    doi="10.1523/JNEUROSCI.02-01-00032.1982",
)

CLOPATH_2010 = Reference(
    key="clopath2010",
    authors=("Clopath, Claudia", "Büsing, Lars", "Vasilaki, Eleni", "Gerstner, Wulfram"),
    title="Connectivity reflects coding: a model of voltage-based STDP with homeostasis",
    journal="Nature Neuroscience",
    year=2010,
    volume="13",
    pages="344-352",
    doi="10.1038/nn.2479",
)

DIEHL_2015 = Reference(
    key="diehl2015",
    authors=("Diehl, Peter U.", "Cook, Matthew"),
    title="Unsupervised learning of digit recognition using spike-timing-dependent plasticity",
    journal="Frontiers in Computational Neuroscience",
    year=2015,
    volume="9",
    pages="99",
    doi="10.3389/fncom.2015.00099",
)

FIETE_2006 = Reference(
    key="fiete2006",
    authors=("Fiete, Ila R.", "Seung, H. Sebastian"),
    title="Gradient learning in spiking neural networks by dynamic perturbation of conductances",
    journal="Physical Review Letters",
    year=2006,
    volume="97",
    pages="048104",
    doi="10.1103/PhysRevLett.97.048104",
)

FLORIAN_2007 = Reference(
    key="florian2007",
    authors=("Florian, Răzvan V.",),
    title="Reinforcement learning through modulation of spike-timing-dependent synaptic plasticity",
    journal="Neural Computation",
    year=2007,
    volume="19",
    pages="1468-1502",
    doi="10.1162/neco.2007.19.6.1468",
)

FREMAUX_2016 = Reference(
    key="fremaux2016",
    authors=("Frémaux, Nicolas", "Gerstner, Wulfram"),
    title="Neuromodulated spike-timing-dependent plasticity, and theory of three-factor learning rules",
    journal="Frontiers in Neural Circuits",
    year=2016,
    volume="9",
    pages="85",
    doi="10.3389/fncir.2015.00085",
)

FROEMKE_2002 = Reference(
    key="froemke2002",
    authors=("Froemke, Robert C.", "Dan, Yang"),
    title="Spike-timing-dependent synaptic modification induced by natural spike trains",
    journal="Nature",
    year=2002,
    volume="416",
    pages="433-438",
    doi="10.1038/416433a",
)

GERSTNER_2014 = Reference(
    key="gerstner2014",
    authors=("Gerstner, Wulfram", "Kistler, Werner M.", "Naud, Richard", "Paninski, Liam"),
    title="Neuronal Dynamics: From Single Neurons to Networks and Models of Cognition",
    journal="Cambridge University Press",
    year=2014,
    doi="10.1017/CBO9781107447615",
    kind="book",
)

GRAUPNER_2012 = Reference(
    key="graupner2012",
    authors=("Graupner, Michael", "Brunel, Nicolas"),
    title="Calcium-based plasticity model explains sensitivity of synaptic changes to spike pattern, rate, and "
    "dendritic location",
    journal="Proceedings of the National Academy of Sciences",
    year=2012,
    volume="109",
    pages="3991-3996",
    doi="10.1073/pnas.1109359109",
)

GROSSBERG_1976 = Reference(
    key="grossberg1976",
    authors=("Grossberg, Stephen",),
    title="Adaptive pattern classification and universal recoding: I. Parallel development and coding of "
    "neural feature detectors",
    journal="Biological Cybernetics",
    year=1976,
    volume="23",
    pages="121-134",
    doi="10.1007/BF00344744",
)

GUTIG_2003 = Reference(
    key="gutig2003",
    authors=("Gütig, Robert", "Aharonov, Ranit", "Rotter, Stefan", "Sompolinsky, Haim"),
    title="Learning input correlations through nonlinear temporally asymmetric Hebbian plasticity",
    journal="Journal of Neuroscience",
    year=2003,
    volume="23",
    pages="3697-3714",
    doi="10.1523/JNEUROSCI.23-09-03697.2003",
)

HEBB_1949 = Reference(
    key="hebb1949",
    authors=("Hebb, Donald O.",),
    title="The Organization of Behavior: A Neuropsychological Theory",
    journal="Wiley",
    year=1949,
    kind="book",
)

INTRATOR_1992 = Reference(
    key="intrator1992",
    authors=("Intrator, Nathan", "Cooper, Leon N."),
    title="Objective function formulation of the BCM theory of visual cortical plasticity: statistical "
    "connections, stability conditions",
    journal="Neural Networks",
    year=1992,
    volume="5",
    pages="3-17",
    doi="10.1016/S0893-6080(05)80003-6",
)

IZHIKEVICH_2007 = Reference(
    key="izhikevich2007",
    authors=("Izhikevich, Eugene M.",),
    title="Solving the distal reward problem through linkage of STDP and dopamine signaling",
    journal="Cerebral Cortex",
    year=2007,
    volume="17",
    pages="2443-2452",
    doi="10.1093/cercor/bhl152",
)

JOURNE_2023 = Reference(
    key="journe2023",
    authors=("Journé, Adrien", "Garcia Rodriguez, Hector", "Guo, Qinghai", "Moraitis, Timoleon"),
    title="Hebbian deep learning without feedback",
    journal="International Conference on Learning Representations",
    year=2023,
    doi="10.48550/arXiv.2209.11883",
    kind="inproceedings",
)

KROTOV_2019 = Reference(
    key="krotov2019",
    authors=("Krotov, Dmitry", "Hopfield, John J."),
    title="Unsupervised learning by competing hidden units",
    journal="Proceedings of the National Academy of Sciences",
    year=2019,
    volume="116",
    pages="7723-7731",
    doi="10.1073/pnas.1820458116",
)

MELCHIOR_2024 = Reference(
    key="melchior2024",
    authors=("Melchior, Jan", "Schiewer, Robin", "Wiskott, Laurenz"),
    title="Hebbian descent: a unified view on log-likelihood learning",
    journal="Neural Computation",
    year=2024,
    volume="36",
    pages="1669-1712",
    doi="10.1162/neco_a_01684",
)

MICONI_2021 = Reference(
    key="miconi2021",
    authors=("Miconi, Thomas",),
    title="Hebbian learning with gradients: Hebbian convolutional neural networks with modern deep learning frameworks",
    journal="arXiv",
    year=2021,
    pages="2107.01729",
    doi="10.48550/arXiv.2107.01729",
    kind="misc",
)

MORAITIS_2022 = Reference(
    key="moraitis2022",
    authors=("Moraitis, Timoleon", "Toichkin, Dmitry", "Journé, Adrien", "Chua, Yansong", "Guo, Qinghai"),
    title="SoftHebb: Bayesian inference in unsupervised Hebbian soft winner-take-all networks",
    journal="Neuromorphic Computing and Engineering",
    year=2022,
    volume="2",
    pages="044017",
    doi="10.1088/2634-4386/aca710",
)

MORRISON_2007 = Reference(
    key="morrison2007",
    authors=("Morrison, Abigail", "Aertsen, Ad", "Diesmann, Markus"),
    title="Spike-timing-dependent plasticity in balanced random networks",
    journal="Neural Computation",
    year=2007,
    volume="19",
    pages="1437-1467",
    doi="10.1162/neco.2007.19.6.1437",
)

MORRISON_2008 = Reference(
    key="morrison2008",
    authors=("Morrison, Abigail", "Diesmann, Markus", "Gerstner, Wulfram"),
    title="Phenomenological models of synaptic plasticity based on spike timing",
    journal="Biological Cybernetics",
    year=2008,
    volume="98",
    pages="459-478",
    doi="10.1007/s00422-008-0233-1",
)

NESSLER_2009 = Reference(
    key="nessler2009",
    authors=("Nessler, Bernhard", "Pfeiffer, Michael", "Maass, Wolfgang"),
    title="STDP enables spiking neurons to detect hidden causes of their inputs",
    journal="Advances in Neural Information Processing Systems",
    year=2009,
    volume="22",
    pages="1357-1365",
    kind="inproceedings",
)

NESSLER_2013 = Reference(
    key="nessler2013",
    authors=("Nessler, Bernhard", "Pfeiffer, Michael", "Buesing, Lars", "Maass, Wolfgang"),
    title="Bayesian computation emerges in generic cortical microcircuits through spike-timing-dependent plasticity",
    journal="PLoS Computational Biology",
    year=2013,
    volume="9",
    pages="e1003037",
    doi="10.1371/journal.pcbi.1003037",
)

OJA_1982 = Reference(
    key="oja1982",
    authors=("Oja, Erkki",),
    title="Simplified neuron model as a principal component analyzer",
    journal="Journal of Mathematical Biology",
    year=1982,
    volume="15",
    pages="267-273",
    doi="10.1007/BF00275687",
)

OJA_1989 = Reference(
    key="oja1989",
    authors=("Oja, Erkki",),
    title="Neural networks, principal components, and subspaces",
    journal="International Journal of Neural Systems",
    year=1989,
    volume="1",
    pages="61-68",
)

PFISTER_2006 = Reference(
    key="pfister2006",
    authors=("Pfister, Jean-Pascal", "Gerstner, Wulfram"),
    title="Triplets of spikes in a model of spike timing-dependent plasticity",
    journal="Journal of Neuroscience",
    year=2006,
    volume="26",
    pages="9673-9682",
    doi="10.1523/JNEUROSCI.1425-06.2006",
)

RUBIN_2001 = Reference(
    key="rubin2001",
    authors=("Rubin, Jonathan", "Lee, Daniel D.", "Sompolinsky, Haim"),
    title="Equilibrium properties of temporally asymmetric Hebbian plasticity",
    journal="Physical Review Letters",
    year=2001,
    volume="86",
    pages="364-367",
    doi="10.1103/PhysRevLett.86.364",
)

SEJNOWSKI_1977 = Reference(
    key="sejnowski1977",
    authors=("Sejnowski, Terrence J.",),
    title="Storing covariance with nonlinearly interacting neurons",
    journal="Journal of Mathematical Biology",
    year=1977,
    volume="4",
    pages="303-321",
    doi="10.1007/BF00275079",
)

SJOSTROM_2001 = Reference(
    key="sjostrom2001",
    authors=("Sjöström, Per Jesper", "Turrigiano, Gina G.", "Nelson, Sacha B."),
    title="Rate, timing, and cooperativity jointly determine cortical synaptic plasticity",
    journal="Neuron",
    year=2001,
    volume="32",
    pages="1149-1164",
    doi="10.1016/S0896-6273(01)00542-6",
)

SONG_2000 = Reference(
    key="song2000",
    authors=("Song, Sen", "Miller, Kenneth D.", "Abbott, L. F."),
    title="Competitive Hebbian learning through spike-timing-dependent synaptic plasticity",
    journal="Nature Neuroscience",
    year=2000,
    volume="3",
    pages="919-926",
    doi="10.1038/78829",
)

STIMBERG_2019 = Reference(
    key="stimberg2019",
    authors=("Stimberg, Marcel", "Brette, Romain", "Goodman, Dan F. M."),
    title="Brian 2, an intuitive and efficient neural simulator",
    journal="eLife",
    year=2019,
    volume="8",
    pages="e47314",
    doi="10.7554/eLife.47314",
)

TURRIGIANO_1998 = Reference(
    key="turrigiano1998",
    authors=("Turrigiano, Gina G.", "Leslie, Kenneth R.", "Desai, Niraj S.", "Rutherford, Lana C.", "Nelson, Sacha B."),
    title="Activity-dependent scaling of quantal amplitude in neocortical neurons",
    journal="Nature",
    year=1998,
    volume="391",
    pages="892-896",
    doi="10.1038/36103",
)

VANROSSUM_2000 = Reference(
    key="vanrossum2000",
    authors=("van Rossum, Mark C. W.", "Bi, Guo-qiang", "Turrigiano, Gina G."),
    title="Stable Hebbian learning from spike timing-dependent plasticity",
    journal="Journal of Neuroscience",
    year=2000,
    volume="20",
    pages="8812-8821",
    doi="10.1523/JNEUROSCI.20-23-08812.2000",
)

VOGELS_2011 = Reference(
    key="vogels2011",
    authors=("Vogels, Tim P.", "Sprekeler, Henning", "Zenke, Friedemann", "Clopath, Claudia", "Gerstner, Wulfram"),
    title="Inhibitory plasticity balances excitation and inhibition in sensory pathways and memory networks",
    journal="Science",
    year=2011,
    volume="334",
    pages="1569-1573",
    doi="10.1126/science.1211095",
)

WANG_2005 = Reference(
    key="wang2005",
    authors=("Wang, Huai-Xing", "Gerkin, Richard C.", "Nauen, David W.", "Bi, Guo-qiang"),
    title="Coactivation and timing-dependent integration of synaptic potentiation and depression",
    journal="Nature Neuroscience",
    year=2005,
    volume="8",
    pages="187-193",
    doi="10.1038/nn1387",
)

WIDROW_1960 = Reference(
    key="widrow1960",
    authors=("Widrow, Bernard", "Hoff, Marcian E."),
    title="Adaptive switching circuits",
    journal="IRE WESCON Convention Record",
    year=1960,
    volume="4",
    pages="96-104",
    kind="inproceedings",
)

WILLIAMS_1992 = Reference(
    key="williams1992",
    authors=("Williams, Ronald J.",),
    title="Simple statistical gradient-following algorithms for connectionist reinforcement learning",
    journal="Machine Learning",
    year=1992,
    volume="8",
    pages="229-256",
    doi="10.1007/BF00992696",
)

REFERENCES: Frozen[Reference] = Frozen(
    {
        reference.key: reference
        for reference in (
            BELL_1997,
            BI_1998,
            BI_2001,
            BIENENSTOCK_1982,
            CLOPATH_2010,
            DIEHL_2015,
            FIETE_2006,
            FLORIAN_2007,
            FREMAUX_2016,
            FROEMKE_2002,
            GERSTNER_2014,
            GRAUPNER_2012,
            GROSSBERG_1976,
            GUTIG_2003,
            HEBB_1949,
            INTRATOR_1992,
            IZHIKEVICH_2007,
            JOURNE_2023,
            KROTOV_2019,
            MELCHIOR_2024,
            MICONI_2021,
            MORAITIS_2022,
            MORRISON_2007,
            MORRISON_2008,
            NESSLER_2009,
            NESSLER_2013,
            OJA_1982,
            OJA_1989,
            PFISTER_2006,
            RUBIN_2001,
            SEJNOWSKI_1977,
            SJOSTROM_2001,
            SONG_2000,
            STIMBERG_2019,
            TURRIGIANO_1998,
            VANROSSUM_2000,
            VOGELS_2011,
            WANG_2005,
            WIDROW_1960,
            WILLIAMS_1992,
        )
    }
)
