from kontor_crm_governance.tenant import rules


def test_every_key_of_a_new_tenant_has_a_holder_with_its_role() -> None:
    """No key that a tenant starts with asks for more than its holder is."""
    people = {
        person.label: person for person in rules.first_people("a@x.example", "b@x.example") + rules.demo_people("x")
    }
    for issue in rules.FIRST_KEYS + rules.DEMO_KEYS:
        holder = people[issue.holder]
        assert issue.role == holder.role
        assert holder.approver or not issue.approver


def test_agents_of_a_demonstration_are_neither_interactive_nor_approvers() -> None:
    """What only a person may be, no agent is from the start."""
    agents = [issue for issue in rules.DEMO_KEYS if issue.kind == "agent"]
    assert [issue.name for issue in agents] == ["agent_key", "agent_admin_key"]
    assert not any(issue.interactive or issue.approver for issue in agents)
