"""Service for service 服务换服务: offers and needs of neighbours, agreements that hold points, confirmation by both.

The helper is paid by issuance while the requester's points go to the sink: nobody is ever paid by the person served (条例 art. 21, 37).
"""
