"""Messages 消息: the inbox, and the outbox from which mail, text messages and group robots leave.

Public surface: `models`, `sending.send`, `sending.send_to_address`, `inbox`, `choices`.  Modules register how their receivers are
reached (`Module.receivers`) and what they write about (`Module.message_topics`).
"""
