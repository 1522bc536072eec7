// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A page that uses every piece of a report, with invented numbers and hostile texts.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "vragent/media/image.h"
#include "vragent/metrics/statistics.h"
#include "vragent/report/page/html_page.h"
#include "vragent/report/page/svg_chart.h"
#include "vragent/report/paper_tables.h"
#include "vragent/util/random.h"

namespace vragent::test {

/// A text that must not break out of wherever it is put.
inline const std::string kHostileText =
    "</title></style><script>alert(1)</script> \"quoted\" 'and' &amp; <|im_end|> \xF0\x9F\x98\xBA";

/// A JPEG of a sunset whose sun moves with `phase` in [0, 1].
inline std::string example_frame(double phase) {
  media::Image image{.width = 96, .height = 96, .rgb = {}};
  for (int y = 0; y < 96; ++y) {
    for (int x = 0; x < 96; ++x) {
      const double distance = std::hypot(x - 96 * phase, y - 40.0);
      const bool is_sun = distance < 15;
      const bool is_sea = y > 64;
      image.rgb.push_back(static_cast<std::uint8_t>(is_sun ? 250 : is_sea ? 40 : 230 - y));
      image.rgb.push_back(static_cast<std::uint8_t>(is_sun ? 215 : is_sea ? 90 : 130));
      image.rgb.push_back(static_cast<std::uint8_t>(is_sun ? 90 : is_sea ? 140 : 100 + y));
    }
  }
  const std::vector<std::uint8_t> bytes = media::encode_jpeg(image);
  return {bytes.begin(), bytes.end()};
}

/// A noisy curve that approaches `end`, and the same curve smoothed.
inline report::LineChart example_curve(const std::string& title,
                                       const std::string& label,
                                       double start,
                                       double end) {
  RandomStream random(7, title);
  report::Series raw{.name = "", .points = {}, .is_faint = true, .colour = 0};
  for (int step = 0; step < 120; ++step) {
    const double value = end + (start - end) * std::exp(-step / 35.0);
    raw.points.push_back(
        {static_cast<double>(step), value + 0.05 * (start - end) * random.normal()});
  }
  const report::Series smooth{
      .name = "judge stage", .points = report::smoothed(raw.points, 0.8), .colour = 0};
  return {.title = title, .x_label = "step", .y_label = label, .series = {raw, smooth}};
}

inline report::LineChart example_epochs() {
  report::LineChart chart{.title = "HR@10 by epoch", .x_label = "epoch", .y_label = "validation"};
  const std::vector<std::string> names = {"captions", "titles", "ids"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    report::Series series{.name = names[i]};
    for (int epoch = 1; epoch <= 12; ++epoch) {
      series.points.push_back(
          {static_cast<double>(epoch),
           (0.13 - 0.035 * static_cast<double>(i)) * (1 - std::exp(-epoch / 3.0))});
    }
    chart.series.push_back(series);
  }
  chart.references = {{0.0353, "popularity"}};
  return chart;
}

inline report::Bar example_bar(std::int64_t right, std::int64_t total) {
  return {static_cast<double>(right) / static_cast<double>(total),
          metrics::wilson_interval(right, total)};
}

inline report::BarChart example_bars() {
  return {.title = "Accuracy with 95 % intervals",
          .y_label = "share of right answers",
          .groups = {"judge", "select m=3", "select m=4"},
          .series = {{"SFT", {example_bar(163, 300), example_bar(82, 150), example_bar(67, 150)}},
                     {"GRPO", {example_bar(217, 300), example_bar(92, 150), example_bar(56, 150)}},
                     {"popularity", {example_bar(137, 300), example_bar(30, 150), std::nullopt}}},
          .references = {0.5, 0.25, 0.2},
          .reference_label = "chance",
          .y_max = 1.0};
}

inline report::IntervalChart example_forest() {
  report::IntervalChart chart{.title = "Agents and controls",
                              .x_label = "accuracy",
                              .kinds = {"agents", "controls"},
                              .reference_label = "chance"};
  const auto row =
      [](const std::string& label, std::int64_t right, double chance, std::size_t kind) {
        const report::Bar bar = example_bar(right, 300);
        return report::IntervalRow{label, bar.value, bar.interval, chance, kind};
      };
  chart.rows = {{.label = "judge"},
                row("vragent (GRPO)", 217, 0.5, 0),
                row("vragent (SFT start)", 163, 0.5, 0),
                row("pop", 137, 0.5, 1),
                row("always-yes", 150, 0.5, 1),
                {.label = "select, m = 3"},
                row("vragent (GRPO)", 184, 0.25, 0),
                row("antirec", 270, 0.25, 1),
                row("random", 74, 0.25, 1)};
  return chart;
}

inline std::vector<report::OwnRow> example_rows() {
  const std::string data = "mini world, seed 7";
  const std::string protocol = "negatives from the recommender's top 10, 150 test users, greedy";
  const auto row = [&](const std::string& name, std::int64_t right, bool is_control) {
    const report::Bar judge = example_bar(right, 300);
    const report::Bar select = example_bar(right / 3, 150);
    return report::OwnRow{.name = name,
                          .data = data,
                          .protocol = protocol,
                          .values = {{"Acc", judge.value, judge.interval},
                                     {"Recall", 0.84},
                                     {"Precision", 0.681},
                                     {"F1", 0.752},
                                     {"Acc m=3", select.value, select.interval}},
                          .is_control = is_control};
  };
  return {row("VRAgent-R1", 217, false),
          row("MLLM-MSR (SFT)", 163, false),
          row("random", 149, true),
          row("always-yes", 150, true),
          row("antirec", 240, true)};
}

inline report::GalleryItem example_item(const std::string& title, const std::string& id) {
  report::GalleryItem item{.title = title, .subtitle = "item " + id};
  for (int i = 0; i < 5; ++i) {
    item.frames.push_back({example_frame(0.1 + 0.2 * i), "0:0" + std::to_string(i)});
  }
  item.texts = {{"caption (RRA)", "this story shows a red boat racing at the beach ."},
                {"perception (CMP)",
                 "A red boat crosses the frame again and again while the sun moves; " + title}};
  return item;
}

inline report::RolloutGroup example_rollouts() {
  return {.title = "judge \xC2\xB7 case 17 \xC2\xB7 label Yes",
          .prompt =
              "<|im_start|>user\nThe user watched: red boat racing (says: liked boat).\nCandidate: "
              "blue boat sleeping. Would they watch it?<|im_end|>",
          .completions = {
              {"<think>likes boat, racing; candidate is both</think><answer>Yes</answer>",
               2,
               "format 1, answer +1"},
              {"<think>nothing matches</think><answer>No</answer>", 0, "format 1, answer -1"},
              {"I cannot say </pre><script>alert(2)</script>", -1, "no format, answer -1"},
              {"<think>boat</think><answer>Yes</answer>", 2, "format 1, answer +1"}}};
}

/// Every kind of block, with the hostile text in many places.
inline report::Page example_page() {
  using namespace report;
  Page page{.kicker = "vragent report",
            .title = "The pipeline on the mini world",
            .lead =
                "Six hundred invented videos and fifteen hundred invented users went through every "
                "stage of the paper: frames, captions, recommender, user simulation, feedback.",
            .footer = "Written by vragent 0.1.0. This file makes no network connection."};
  page.head = {
      Facts{{{"profile", "full"},
             {"items", "600"},
             {"users", "1,500"},
             {"seed", "7"},
             {"time", "14 min on 2 cores"}}},
      Callout{Callout::Tone::kWarning,
              "What this is, and what it is not",
              "A demonstration of mechanisms on a synthetic world, never evidence for the paper's "
              "numbers. The world is the last of eight that were tried, chosen after looking at "
              "results; controls that understand nothing stand beside every agent."}};
  page.sections = {
      {"Training",
       "How the models learnt.",
       {FigureGrid{{{to_svg(example_curve("SFT loss", "cross-entropy (nats)", 4.2, 0.35)),
                     "Answer tokens only."},
                    {to_svg(example_curve("GRPO reward", "mean of a batch", 0.1, 1.3)),
                     "Pale: each step. Dark: smoothed."},
                    {to_svg(example_curve("KL to the start", "nats a token", 0.00001, 0.012)),
                     "k3 estimate."},
                    {to_svg(example_epochs()),
                     "The best epoch on validation is the one that is tested."}}}}},
      {"User simulation", "", {beside_published(2, example_rows()), own_table(2, example_rows())}},
      {"Accuracy",
       "",
       {FigureGrid{{{to_svg(example_bars()), "Wilson intervals."},
                    {to_svg(example_forest()), "The dashed marks are chance."}}}}},
      {"Items",
       "Key frames with a green frame are on topic.",
       {Gallery{{example_item("wow nobody expected this with a robot in the kitchen", "17"),
                 example_item(kHostileText, kHostileText)}}}},
      {"Rollouts",
       "",
       {Rollouts{{example_rollouts(), example_rollouts()}},
        Details{"effective_config.json",
                "{\n  \"seed\": 7,\n  \"title\": \"" + kHostileText + "\"\n}"}}},
      {kHostileText,
       kHostileText,
       {Paragraph{kHostileText}, Callout{.title = kHostileText, .text = kHostileText}}}};
  return page;
}

}  // namespace vragent::test
