// SPDX-License-Identifier: BSD-2-Clause
#include "commands.hpp"
#include "generate/receiving.hpp"
#include "generate/sending.hpp"
#include "sink.hpp"

namespace bellpull::tools {

namespace {

ExitStatus receive(const generate::Options& options) {
  generate::Receiving receiving(options);
  receiving.run();
  write_out(render(receiving.report(), options.format, true));
  const std::string fault = receiving.fault();
  if (fault.empty()) return kExitOk;
  complain(fault);
  return kExitFailure;
}

}  // namespace

ExitStatus run_generate(const generate::Words& words) {
  const generate::Options options = understand(words);
  if (options.receive) return receive(options);
  write_out(render(generate::Sending(options).run(), options.format, false));
  return kExitOk;
}

}  // namespace bellpull::tools
