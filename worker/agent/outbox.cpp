#include "worker/agent/outbox.hpp"

#include <utility>

#include "worker/secrets/live_secret.hpp"

namespace aiw {
namespace {

// Bytes that one chat may write before the next has its turn.
constexpr std::size_t kTurnBytes = 16 << 10;
constexpr std::size_t kShareOfChats = 8;  // held frames get one byte in eight that a lagging reader takes

}  // namespace

// Returns the next outbox in turn and moves it to the end of the list.
Outbox& Backlog::next() {
  waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
  return *waiting_.back();
}

void Backlog::relieve() {
  share_ = 0;
  while (!waiting_.empty() && !output_.congested()) next().release_held(kTurnBytes);
}

void Backlog::share(std::size_t bytes) {
  share_ += static_cast<std::int64_t>(bytes / kShareOfChats);
  while (!waiting_.empty() && share_ > 0) share_ -= static_cast<std::int64_t>(next().release_held(kTurnBytes));
  if (waiting_.empty()) share_ = 0;
}

Outbox::Outbox(std::string chat_id, std::unique_ptr<EventEncoder> encoder, FrameOutput& output, Backlog& backlog,
               Clock& clock, const OutboxLimits& limits)
    : chat_id_(std::move(chat_id)),
      encoder_(std::move(encoder)),
      output_(output),
      backlog_(backlog),
      clock_(clock),
      limits_(limits) {}

Outbox::~Outbox() { leave_backlog(); }

void Outbox::send(const ChatEvent& event) {
  if (const auto* delta = std::get_if<DeltaEvent>(&event)) return send_delta(*delta);
  if (!encoder_->tells(event)) return;                                     // so the delta is not flushed either
  if (holding() && std::holds_alternative<HeartbeatEvent>(event)) return;  // held frames prove life as well
  flush();
  emit_redacted(event);
}

// A provider's text in a warning may repeat the key that it received.
void Outbox::emit_redacted(const ChatEvent& event) {
  if (const auto* warning = std::get_if<WarningEvent>(&event)) {
    const std::string message = without_live_secrets(warning->message);
    return emit(WarningEvent{warning->code, message});
  }
  emit(event);
}

void Outbox::send_delta(const DeltaEvent& delta) {
  if (extend(delta)) return;
  flush();
  if (holding() || limits_.delta_interval.count() > 0) return open(delta);
  emit_split(delta);
}

bool Outbox::extend(const DeltaEvent& delta) {
  if (!is_open_ || open_.step != delta.step || open_.part != delta.part || open_.kind != delta.kind) return false;
  open_.text += delta.text;
  backlog_.held_ += delta.text.size();
  flush_if_long();
  return true;
}

void Outbox::open(const DeltaEvent& delta) {
  is_open_ = true;
  open_.step = delta.step;
  open_.part = delta.part;
  open_.kind = delta.kind;
  open_.tool_call_id = delta.tool_call_id;
  open_.text = delta.text;
  backlog_.held_ += delta.text.size();
  if (holding()) hold(0);
  if (limits_.delta_interval.count() > 0) {
    flush_timer_ = clock_.call_at(clock_.now() + limits_.delta_interval, [this] { flush(); });
  }
  flush_if_long();
}

void Outbox::flush_if_long() {
  const std::size_t size = open_.text.size();
  const bool long_enough = limits_.delta_size > 0 && size >= limits_.delta_size && !holding();
  if (long_enough || size >= limits_.max_delta_bytes) flush();
}

void Outbox::flush() {
  if (!std::exchange(is_open_, false)) return;
  flush_timer_.reset();
  backlog_.held_ -= open_.text.size();
  emit_split({open_.step, open_.part, open_.kind, open_.text, open_.tool_call_id});
}

void Outbox::emit_split(DeltaEvent delta) {
  while (delta.text.size() > limits_.max_delta_bytes) {
    DeltaEvent piece = delta;
    piece.text = utf8_prefix(delta.text, limits_.max_delta_bytes);
    delta.text.remove_prefix(piece.text.size());
    emit(piece);
  }
  emit(delta);
}

void Outbox::emit(const ChatEvent& event) {
  if (holding()) {
    const std::size_t before = held_.size();
    try {
      next_seq_ += encoder_->event(held_, next_seq_, event);
    } catch (...) {
      held_.resize(before);  // keep only whole frames, because an error frame will follow
      throw;
    }
    return hold(held_.size() - before);
  }
  write_to_output(event);
}

void Outbox::write_to_output(const ChatEvent& event, bool last) {
  std::size_t frames = 0;
  try {
    frames = encoder_->event(output_.tail(), next_seq_, event);
  } catch (...) {
    output_.drop_unfinished();  // the next frame, maybe of another chat, must start on a new line
    throw;
  }
  over_ = last;
  if (frames == 0) return;
  next_seq_ += frames;
  output_.frame_appended();
}

void Outbox::hold(std::size_t added) {
  backlog_.held_ += added;
  if (!place_) place_ = backlog_.waiting_.insert(backlog_.waiting_.end(), this);
}

void Outbox::leave_backlog() {
  backlog_.held_ -= held_bytes();
  is_open_ = false;
  held_.clear();
  released_ = 0;
  if (place_) backlog_.waiting_.erase(*std::exchange(place_, std::nullopt));
}

// Writes whole frames of at most `at_most` bytes, but always one. Returns the bytes written from held_.
std::size_t Outbox::release_held(std::size_t at_most) {
  if (held_.empty()) flush();
  std::size_t end = 0;
  if (!held_.empty()) {
    const std::string_view rest = std::string_view(held_).substr(released_);
    end = rest.size() <= at_most ? rest.size() : rest.rfind('\n', at_most) + 1;
    if (end == 0) end = rest.find('\n') + 1;
    output_.tail() += rest.substr(0, end);
    backlog_.held_ -= end;
    released_ += end;
    // A reader that always lags never lets held_ become empty, so remove the written bytes here.
    if (released_ * 2 >= held_.size()) {
      held_.erase(0, released_);
      released_ = 0;
    }
    output_.frame_appended();  // if it throws, the frames were written and are not sent again
  }
  if (held_.empty() && !is_open_ && place_) backlog_.waiting_.erase(*std::exchange(place_, std::nullopt));
  if (must_pause()) return end;
  // The resumed upstream may end the chat and destroy this object: touch nothing afterwards.
  if (const auto action = on_relieved_) action();
  return end;
}

void Outbox::send_last(const ChatEvent& event) {
  flush();
  held_.erase(0, std::exchange(released_, 0));
  const std::size_t held = held_.size();
  if (held > 0) output_.take(held_);
  backlog_.held_ -= held;
  leave_backlog();
  if (held > 0) output_.frame_appended();
  const auto* const failed = std::get_if<ErrorEvent>(&event);
  if (failed == nullptr) return write_to_output(event, true);
  const Error error = without_live_secrets(failed->error);
  write_to_output(ErrorEvent{error, failed->messages, failed->usage}, true);
}

bool Outbox::must_pause() const {
  const std::size_t mine = held_bytes();
  // Requires a place in the backlog, because only its turn ends a pause. A delta that is merged for a while has no
  // turn.
  return place_ && mine > 0 && (mine >= limits_.max_held || backlog_.total() >= limits_.max_total);
}

}  // namespace aiw
