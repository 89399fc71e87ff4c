# SPDX-License-Identifier: Apache-2.0
# Three workers, loaded once and forked; a request that takes longer than a router waits is cut off.
worker_processes Integer(ENV["WEB_CONCURRENCY"] || 3)
timeout 15
preload_app true

# The platform stops a dyno with TERM to every process. To unicorn TERM is "at once" and QUIT is "finish what you are at": so the
# master turns the one into the other, and its workers wait for what it tells them.
before_fork do |_server, _worker|
  Signal.trap("TERM") { Process.kill("QUIT", Process.pid) }
  # Connections cannot be shared with children
  Notes.disconnect
end

after_fork do |_server, _worker|
  Signal.trap("TERM") {}
end
