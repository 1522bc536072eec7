// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/published_numbers.h"

namespace vragent::report {
namespace {

constexpr std::string_view kRecommendation[] = {
    "DSSM | .0394 | .0193 | .0654 | .0258",
    "LightGCN | .0372 | .0177 | .0618 | .0239",
    "DeepFM | .0350 | .0170 | .0571 | .0225",
    "NextItNet | .0805 | .0442 | .1175 | .0535",
    "GRU4Rec | .0782 | .0432 | .1147 | .0515",
    "SASRec | .0909 | .0517 | .1278 | .0610",
    "NextItNet_V | .0862 | .0466 | .1246 | .0562",
    "MMGCN | .0778 | .0423 | .1138 | .0513",
    "SASRec_T | .0916 | .0490 | .1343 | .0598",
    "SASRec_I | .0942 | .0511 | .1358 | .0613",
    "SASRec_V | .0948 | .0515 | .1364 | .0619",
    "SASRec_F | .0953 | .0517 | .1362 | .0623",
    "SASRec+MLLM-MSR | .0606 | .0351 | .0911 | .0446",
    "NextItNet+Ours | .0884 | .0478 | .1278 | .0583",
    "SASRec+Ours | .0994 | .0548 | .1418 | .0655",
};

constexpr std::string_view kRecommendationRemarks[] = {
    "DSSM, LightGCN, DeepFM, NextItNet, SASRec, NextItNet_V and SASRec_V equal the MicroLens "
    "release.",
    "GRU4Rec: NDCG@10 is .0423 in the MicroLens release; .0432 looks like a swap of two digits.",
    "MMGCN: looks like GRU4Rec's row and is no target; the MicroLens release has MMGCN_ID "
    ".0141 .0065 .0247 .0092 and MMGCN_ID+V .0214 .0103 .0374 .0143.",
    "SASRec_T is the baseline of Tables 4 and 5; it and SASRec_I are not in the MicroLens release.",
    "SASRec_F: no code was released for it; the MicroLens release has GRU4Rec_V at "
    ".0954 .0517 .1377 .0623.",
    "SASRec+Ours: the gains printed with it (+4.30, 6.00, 3.96, 5.14 %) are against the best "
    "baseline of each column.",
};

constexpr std::string_view kSimulation[] = {
    "GPT-4o | .535 | .480 | .533 | .505 | .307 | .269",
    "DeepSeek-R1 | .528 | .556 | .526 | .541 | .264 | .231",
    "Qwen2.5-7b | .491 | .512 | .490 | .500 | .245 | .197",
    "LLM_Simulator | .523 | .539 | .519 | .529 | - | -",
    "Agent4Rec | .528 | .482 | .52 | .501 | - | -",
    "TALLRec (SFT) | .537 | .913 | .521 | .663 | - | -",
    "MLLM-MSR (SFT) | .585 | .882 | .553 | .679 | .442 | .381",
    "VRAgent-R1 | .715 | .760 | .697 | .727 | .641 | .602",
};

constexpr std::string_view kSimulationRemarks[] = {
    "VRAgent-R1: Acc m=3 is .641 here and .646 in Table 6.",
};

constexpr std::string_view kOtherDomains[] = {
    "GPT-4o | .584 | .600 | .634 | .662",
    "RecAgent | .581 | .621 | .627 | .650",
    "Agent4Rec | .691 | .698 | .689 | .679",
    "Qwen2.5 (SFT) | .743 | .732 | .738 | .745",
    "VRAgent-R1 | .815 | .808 | .803 | .805",
};

constexpr std::string_view kFeedback[] = {
    "original | .0916 | .0490 | .0586 | .0278",
    "+IP | .0994 | .0548 | .0663 | .0318",
    "+US dislike | .0988 | .0543 | .0654 | .0311",
    "+US like | .1003 | .0554 | .0678 | .0330",
};

constexpr std::string_view kFeedbackRemarks[] = {
    "original is SASRec_T of Table 1; both +US rows start from +IP.",
};

constexpr std::string_view kPerceptionAblation[] = {
    "baseline | .0916 | .0490 | .1343 | .0598",
    "w/o KFR | .0980 | .0542 | .1402 | .0646",
    "w/o CMP | .0960 | .0519 | .1398 | .0629",
    "w/o RRA | .0816 | .0466 | .1182 | .0523",
    "full | .0994 | .0548 | .1418 | .0655",
};

constexpr std::string_view kPerceptionRemarks[] = {
    "baseline is SASRec_T and full is SASRec+Ours of Table 1.",
};

constexpr std::string_view kSimulationAblation[] = {
    "baseline | .491 | .500 | .245 | .197",
    "SFT | .585 | .679 | .442 | .381",
    "w/o CoT | .580 | .592 | .324 | .263",
    "w/o comment | .695 | .705 | .618 | .577",
    "w/o IP agent | .680 | .686 | .609 | .569",
    "full | .715 | .727 | .646 | .602",
};

constexpr std::string_view kSimulationAblationRemarks[] = {
    "full: Acc m=3 is .646 here and .641 in Table 2.",
};

constexpr std::string_view kRankingColumns = "HR@10 | NDCG@10 | HR@20 | NDCG@20";

}  // namespace

const std::array<PublishedTable, 6> kPublishedTables = {{
    {1,
     "recommendation",
     "MicroLens-100K",
     kRankingColumns,
     4,
     kRecommendation,
     kRecommendationRemarks},
    {2,
     "user simulation",
     "MicroLens-100K",
     "Acc | Recall | Precision | F1 | Acc m=3 | Acc m=4",
     3,
     kSimulation,
     kSimulationRemarks},
    {3,
     "user simulation in other domains",
     "MovieLens and Steam",
     "MovieLens Acc | MovieLens F1 | Steam Acc | Steam F1",
     3,
     kOtherDomains,
     {}},
    {4,
     "simulated feedback",
     "MicroLens-100K",
     "HR@10 all | NDCG@10 all | HR@10 cold | NDCG@10 cold",
     4,
     kFeedback,
     kFeedbackRemarks},
    {5,
     "ablation of item perception",
     "MicroLens-100K",
     kRankingColumns,
     4,
     kPerceptionAblation,
     kPerceptionRemarks},
    {6,
     "ablation of user simulation",
     "MicroLens-100K",
     "Acc | F1 | Acc m=3 | Acc m=4",
     3,
     kSimulationAblation,
     kSimulationAblationRemarks},
}};

}  // namespace vragent::report
