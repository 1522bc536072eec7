// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// vragent_bench KIND MODEL DTYPE THREADS: loads a model once, then answers jobs from stdin, one
// JSON object a line, so that a benchmark can take turns between programs that are both warm. The
// kinds language and kernels compute on $VRAGENT_BENCH_DEVICE where that is set.
#include <cstdlib>
#include <iostream>
#include <string>

#include "jobs.h"
#include "op_times.h"
#include "vragent/util/error.h"
#include "vragent/util/progress.h"

namespace vragent::bench {
namespace {

int run(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: vragent_bench "
                 "kernels|language|weights|text|clip|vision|tokenizer|recommender|grpo|sft|lora "
                 "MODEL DTYPE "
                 "THREADS\n";
    return 2;
  }
  const std::string kind = argv[1];
  const char* device = std::getenv("VRAGENT_BENCH_DEVICE");
  const Session session{argv[2],
                        {.device = device == nullptr ? "cpu" : device,
                         .dtype = argv[3],
                         .threads = std::stoll(argv[4])}};
  nn::prepare_torch(session.runtime);
  std::map<std::string, Job> jobs;
  const Stopwatch load;
  if (kind == "kernels") add_kernel_jobs(session, jobs);
  if (kind == "language") add_language_jobs(session, jobs);
  if (kind == "weights") load_weights(session);
  if (kind == "text") add_text_jobs(session, jobs);
  if (kind == "clip") add_clip_jobs(session, jobs);
  if (kind == "vision") add_vision_jobs(session, jobs);
  if (kind == "grpo") add_grpo_jobs(session, jobs);
  if (kind == "sft") add_sft_jobs(session, 0, jobs);
  if (kind == "lora") add_sft_jobs(session, 16, jobs);
  if (kind == "tokenizer") add_tokenizer_jobs(session, jobs);
  if (kind == "recommender") add_recommender_jobs(session, jobs);
  std::cout << OrderedJson{{"ready", true}, {"load_seconds", load.seconds()}}.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = parse_json_object(line, "stdin");
    const auto job = jobs.find(JsonRecord(request, "stdin").text("job"));
    if (job == jobs.end()) throw DataError("unknown job: " + line);
    if (const std::size_t rows = request.value("op_times", std::size_t{0}); rows > 0) {
      const OpTimes times;
      OrderedJson answer = job->second(request);
      answer["op_times"] = times.table(rows);
      std::cout << answer.dump() << std::endl;
    } else {
      std::cout << job->second(request).dump() << std::endl;
    }
  }
  return 0;
}

}  // namespace
}  // namespace vragent::bench

int main(int argc, char** argv) {
  try {
    return vragent::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "vragent_bench: " << error.what() << "\n";
    return 1;
  }
}
